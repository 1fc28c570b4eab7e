"""A Thunderbird of the test's own: a display that nobody sees, a new profile, one account, driven from inside.

    with Thunderbird(suite, user, folder) as client:
        client.subjects("INBOX")

What it does is what its buttons do: the same services, and for writing the real composition window.
"""

import base64
import contextlib
import json
import os
import re
import ssl
import subprocess
import time

from marionette import Marionette
from outside import Outside
from suite import end_process, wait_for

PREFERENCES = {
    # it says nothing to anybody but our daemons
    "app.update.enabled": False, "app.update.auto": False, "extensions.update.enabled": False,
    "toolkit.telemetry.enabled": False, "toolkit.telemetry.server": "", "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.healthreport.uploadEnabled": False, "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False, "services.settings.server": "data:,#remote-settings-dummy/v1",
    "browser.safebrowsing.malware.enabled": False, "browser.safebrowsing.phishing.enabled": False,
    "security.OCSP.enabled": 0, "extensions.getAddons.cache.enabled": False, "mail.instrumentation.postUrl": "",
    # and asks nothing
    "mailnews.start_page.enabled": False, "mail.provider.suppress_dialog_on_startup": True, "mail.shell.checkDefaultClient": False,
    "mail.spam.manualMark": False, "mail.warn_on_send_accel_key": False, "mail.inappnotifications.enabled": False,
    "mail.compose.warned_about_customize_from": True, "mailnews.database.global.indexer.enabled": False,
    "mail.biff.show_alert": False, "mail.biff.play_sound": False, "app.donation.eoy.version.viewed": 999,
    # and writes down what it says to servers, beside what LOG_WHAT gives
    "mailnews.smtp.loglevel": "Debug", "devtools.console.stdout.chrome": True,
}
LOG_WHAT = "timestamp,IMAP:3,nsHostResolver:4"

# Its account, as its wizard would make it, and the CA.
SETUP = """
    const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
    const [it] = args;
    const certificates = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
    certificates.addCertFromBase64(it.ca, "C,,");

    const server = MailServices.accounts.createIncomingServer(it.user, "localhost", "imap");
    server.port = it.imaps;
    server.socketType = Ci.nsMsgSocketType.SSL;
    server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
    server.password = it.password;
    const outgoing = MailServices.outgoingServer.createServer("smtp");
    const smtp = outgoing.QueryInterface(Ci.nsISmtpServer);
    smtp.hostname = "localhost";
    smtp.port = it.submission;
    outgoing.socketType = Ci.nsMsgSocketType.alwaysSTARTTLS;
    outgoing.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
    outgoing.username = it.user;
    outgoing.password = it.password;
    MailServices.outgoingServer.defaultServer = outgoing;

    const identity = MailServices.accounts.createIdentity();
    identity.email = it.user;
    identity.fullName = "Alice";
    identity.composeHtml = false;
    identity.smtpServerKey = outgoing.key;
    const account = MailServices.accounts.createAccount();
    account.addIdentity(identity);
    account.incomingServer = server;
    MailServices.accounts.defaultAccount = account;
"""

# Before every script below.
PRELUDE = """
    const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
    const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
    const account = MailServices.accounts.defaultAccount, root = account.incomingServer.rootFolder;
    const until = async condition => {
        for (;;) {
            const got = condition();
            if (got) return got;
            await new Promise(go => setTimeout(go, 50));
        }
    };
    const listening = start => new Promise((good, bad) => start({
        QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
        onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return null; },
        onStopCopy(status) { Components.isSuccessCode(status) ? good() : bad(new Error("copy " + status)); },
    }));
    const heard = start => new Promise((good, bad) => start({
        QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
        OnStartRunningUrl() {},
        OnStopRunningUrl(url, status) { Components.isSuccessCode(status) ? good() : bad(new Error("url " + status)); },
    }));
    const pathOf = one => (one.parent === root ? "" : pathOf(one.parent) + "/") +
        (one.flags & Ci.nsMsgFolderFlags.Inbox ? "INBOX" : one.name);
    const findFolder = path => root.descendants.find(one => pathOf(one) === path);
    const folder = path => findFolder(path) ?? (() => { throw new Error("no folder " + path); })();
    const message = (path, subject) => [...folder(path).messages].find(one => one.mime2DecodedSubject === subject);
"""

# Before those that write.
COMPOSE = """
    const compose = async (type, header, uri) => {
        MailServices.compose.OpenComposeWindow(null, header, uri, type, Ci.nsIMsgCompFormat.PlainText,
            account.defaultIdentity, null, null);
        const window = await until(() => Services.wm.getMostRecentWindow("msgcompose"));
        await until(() => window.composeEditorReady);
        return window;
    };
    const write = (window, text) => {
        window.gMsgCompose.editor.QueryInterface(Ci.nsIEditor).beginningOfDocument();
        window.gMsgCompose.editor.insertText(text);
    };
"""


class Thunderbird:
    def __init__(self, suite, user, folder, preferences=None):
        self.suite, self.user, self.dir = suite, user, folder
        self.preferences = {**PREFERENCES, **(preferences or {})}
        self.profile = folder / "profile"
        self.log = folder / "thunderbird.log"
        self.outside = Outside()
        self.display = self.process = self.marionette = None

    def __enter__(self):
        self.outside.__enter__()
        try:
            self.start()
            self.make_account()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.quit()
        self.outside.__exit__()

    def quit(self):
        if self.marionette:
            with contextlib.suppress(OSError, ConnectionError):
                self.marionette.command("Marionette:Quit", {"flags": ["eAttemptQuit"]})
            self.marionette.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        for process in (self.process, self.display):
            if process:
                end_process(process)
        self.marionette = self.process = self.display = None

    def restart(self):
        """The same profile; passwords it was never told to keep."""
        self.quit()
        (self.profile / "MarionetteActivePort").unlink(missing_ok=True)
        self.start()
        self.run("account.incomingServer.password = args[0];", self.suite.password)

    def start(self):
        self.profile.mkdir(exist_ok=True)
        preferences = {**self.preferences, "marionette.port": 0, "network.proxy.type": 1,
                       "network.proxy.failover_direct": False}
        for kind in ("http", "ssl"):
            preferences |= {f"network.proxy.{kind}": "127.0.0.1", f"network.proxy.{kind}_port": self.outside.port}
        (self.profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()))
        display = self.start_display()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["thunderbird", "-marionette", "--remote-allow-system-access", "-no-remote", "-profile", str(self.profile)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
                env={"PATH": os.environ["PATH"], "HOME": str(self.dir), "TMPDIR": str(self.dir), "DISPLAY": display,
                     "LANG": "C.UTF-8", "NO_AT_BRIDGE": "1", "MOZ_CRASHREPORTER_DISABLE": "1", "MOZ_LOG": LOG_WHAT,
                     "MOZ_DISABLE_NONLOCAL_CONNECTIONS": "1"})
        self.marionette = Marionette(wait_for("Thunderbird", self.marionette_port, 120))

    def start_display(self):
        number, told = os.pipe()
        self.display = subprocess.Popen(["Xvfb", "-displayfd", str(told), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
                                        pass_fds=[told], stderr=subprocess.DEVNULL)
        os.close(told)
        with os.fdopen(number) as file:
            return ":" + file.readline().strip()

    def marionette_port(self):
        """It chooses one and says so in its profile."""
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
        file = self.profile / "MarionetteActivePort"
        return file.exists() and int(file.read_text() or 0)

    # ---- what it says ----

    def lines(self, start=0):
        """Of its log, from byte `start` on."""
        with self.log.open("rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace").splitlines()

    def protocol(self, start=0):
        """What was said to servers and by them: [(connection, line)]."""
        said = re.compile(r"([^: ]*:[^: ]*:(?:SendData|CreateNewLineFromSocket)|mailnews.smtp): (.*)")
        return [found.groups() for line in self.lines(start) if (found := said.search(line))]

    def names_asked(self):
        """Of hosts whose address it wanted to know."""
        return {found[1] for line in self.lines() if (found := re.search(r"Resolving host \[(.*?)\]", line))}

    def idles(self, path):
        """Whether all it has to say in a mailbox is IDLE, and the server has heard it."""
        said = [line for line in self.lines() if f":S-{path}:" in line]
        return bool(said) and said[-1].endswith("idle mode async waiting")

    # ---- its account ----

    def make_account(self):
        pem = open(self.suite.ca_file, encoding="ascii").read()
        self.marionette.run(SETUP, {
            "user": self.user, "password": self.suite.password, "imaps": self.suite.port("IMAPS"),
            "submission": self.suite.port("SUBMISSION"), "ca": base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode()})
        self.run("root.server.performBiff(null); await until(() => root.getFolderWithFlags(Ci.nsMsgFolderFlags.Trash));")

    def run(self, script, *arguments):
        return self.marionette.run(PRELUDE + script, *arguments)

    # ---- what a person does ----

    def folders(self):
        return self.run("return root.descendants.map(pathOf);")

    def open_folder(self, path):
        self.run("folder(args[0]).updateFolder(null);", path)

    def make_folder(self, path):
        self.run("root.createSubfolder(args[0], null); await until(() => findFolder(args[0]));", path)

    def rename_folder(self, path, name):
        self.run("folder(args[0]).rename(args[1], null); await until(() => findFolder(args[1]));", path, name)

    def delete_folder(self, path):
        """To the trash; without the question that its button asks."""
        self.run("""
            await listening(listener => MailServices.copy.copyFolder(folder(args[0]), folder("Trash"), true, listener, null));
        """, path)

    def search(self, path, text):
        """The subjects of messages whose body has `text`; the server looks."""
        return self.run("""
            const [path, text] = args, found = [];
            const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
            session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder(path));
            const term = session.createTerm(), value = term.value;
            value.attrib = term.attrib = Ci.nsMsgSearchAttrib.Body;
            value.str = text;
            term.value = value;
            term.op = Ci.nsMsgSearchOp.Contains;
            session.appendTerm(term);
            await new Promise((good, bad) => {
                session.registerListener({
                    onNewSearch() {},
                    onSearchHit(header) { found.push(header.mime2DecodedSubject); },
                    onSearchDone(status) { Components.isSuccessCode(status) ? good() : bad(new Error("search " + status)); },
                }, Ci.nsIMsgSearchSession.allNotifications);
                session.search(null);
            });
            return found;
        """, path, text)

    def count(self, path, condition="true"):
        """Of the messages that it knows, and for whose header `one` the condition holds."""
        return self.run(f"let n = 0; for (const one of folder(args[0]).messages) n += {condition}; return n;", path)

    def subjects(self, path):
        """As it knows them: no question to the server."""
        return self.run("return [...folder(args[0]).messages].map(one => one.mime2DecodedSubject);", path)

    def read(self, path, subject):
        """The text that its window shows."""
        return self.run("""
            const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
            const header = message(...args), window = MailUtils.openMessageInNewWindow(header);
            const pane = () => window.document.getElementById("messageBrowser")?.contentWindow;
            await until(() => pane()?.msgLoaded && header.isRead);
            const text = pane().getMessagePaneBrowser().contentDocument.body.textContent;
            window.close();
            return text;
        """, path, subject)

    def marks(self, path, subject):
        return self.run("""
            const header = message(...args), keywords = header.getStringProperty("keywords").split(" ").filter(word => word);
            return { read: header.isRead, flagged: header.isFlagged, keywords };
        """, path, subject)

    def mark(self, path, subject, flag, tag):
        """With a star, and with a tag of its own."""
        self.run("""
            const [path, subject, flag, tag] = args, header = message(path, subject);
            header.folder.markMessagesFlagged([header], flag);
            header.folder.addKeywordsToMessages([header], tag);
        """, path, subject, flag, tag)

    def reply(self, path, subject, text, attachment):
        """By the composition window, until the message is sent and its copy filed."""
        self.run(COMPOSE + """
            const [path, subject, text, file] = args, header = message(path, subject);
            const window = await compose(Ci.nsIMsgCompType.ReplyToSender, header, header.folder.getUriForMsg(header));
            write(window, text);
            const attached = Cc["@mozilla.org/messengercompose/attachment;1"].createInstance(Ci.nsIMsgAttachment);
            attached.url = "file://" + file;
            attached.name = file.split("/").pop();
            await window.AddAttachments([attached]);
            await window.GenericSendMessage(Ci.nsIMsgCompDeliverMode.Now);
            await until(() => window.closed);
        """, path, subject, text, str(attachment))

    def draft(self, *texts):
        """Of one new message, saved after each text that is added at its beginning, not faster than its list shows."""
        self.run(COMPOSE + """
            const window = await compose(Ci.nsIMsgCompType.New, null, "");
            for (const text of args) {
                const fields = window.gMsgCompose.compFields, last = fields.draftId, drafts = folder("Drafts");
                write(window, text);
                await window.GenericSendMessage(Ci.nsIMsgCompDeliverMode.SaveAsDraft);
                await until(() => !window.gSaveOperationInProgress && fields.draftId !== last);
                drafts.updateFolder(null);
                await until(() => [...drafts.messages].some(one => drafts.getUriForMsg(one) === fields.draftId));
            }
            window.close();
            await until(() => window.closed);
        """, *texts)

    def move(self, path, subject, target):
        self.run("""
            const [path, subject, target] = args, header = message(path, subject);
            await listening(listener =>
                MailServices.copy.copyMessages(folder(path), [header], folder(target), true, listener, null, false));
        """, path, subject, target)

    def delete(self, path, subject):
        """To the trash, as its button does."""
        self.run("""
            const header = message(...args);
            await listening(listener => header.folder.deleteMessages([header], null, false, false, listener, false));
        """, path, subject)

    def empty_trash(self):
        self.run("const trash = folder('Trash'); await heard(listener => trash.emptyTrash(listener));")

    def sees(self, path, subject, seconds):
        """How long it takes until a message shows by itself; nothing is asked for."""
        started = time.monotonic()
        wait_for(f"Thunderbird to show {subject}", lambda: subject in self.subjects(path), seconds)
        return time.monotonic() - started
