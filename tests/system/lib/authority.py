"""A certificate authority for clients: certificates that name addresses, and a list of those that are revoked."""

import datetime
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    def __init__(self, folder, name="Clients"):
        self.folder = folder
        self.name = _name(name)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.now = datetime.datetime.now(datetime.timezone.utc)
        self.serial = 1
        builder = (x509.CertificateBuilder().subject_name(self.name).public_key(self.key.public_key())
                   .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True))
        self.certificate = self.sign(builder, DAY)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(PEM))

    def sign(self, builder, until):
        self.serial += 1
        return (builder.issuer_name(self.name).serial_number(self.serial).not_valid_before(self.now - 2 * DAY)
                .not_valid_after(self.now + until).sign(self.key, hashes.SHA256()))

    def issue(self, *addresses, common_name="somebody", until=DAY, usage=ExtendedKeyUsageOID.CLIENT_AUTH):
        """A file with certificate and key; its serial number is self.serial."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (x509.CertificateBuilder().subject_name(_name(common_name)).public_key(key.public_key())
                   .add_extension(x509.ExtendedKeyUsage([usage]), critical=False))
        if addresses:
            names = x509.SubjectAlternativeName([x509.RFC822Name(address) for address in addresses])
            builder = builder.add_extension(names, critical=False)
        file = self.folder / f"{self.serial}.pem"
        file.write_bytes(self.sign(builder, until).public_bytes(PEM) +
                         key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return str(file)

    def revoke(self, *serials):
        """The authority's file has a list of these from now on."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(self.now - DAY).next_update(self.now + DAY)
        for serial in serials:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(self.now - DAY).build())
        listed = builder.sign(self.key, hashes.SHA256()).public_bytes(PEM)
        self.file.write_bytes(self.certificate.public_bytes(PEM) + listed)


def context(suite, certificate=None, version=ssl.TLSVersion.TLSv1_3):
    made = suite.tls()
    made.minimum_version = made.maximum_version = version
    if certificate:
        made.load_cert_chain(certificate)
    return made
