"""All that is not loopback, as a program is told: a proxy that lets nothing through and remembers who was asked for."""

import socketserver
import threading


class Ask(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline(4096).decode(errors="replace").strip()
        self.server.asked.append(line)
        self.wfile.write(b"HTTP/1.1 503 Nobody there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class Outside(socketserver.ThreadingTCPServer):
    """`with Outside() as outside:` asked for what is in `asked`: request lines."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Ask)
        self.asked = []
        self.port = self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
