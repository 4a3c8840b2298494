import { must } from "./process.ts";

/** Files of a cluster's own authority. */
export interface Certificates {
  readonly folder: string;
  readonly authority: string;
  readonly serving: string;
  readonly servingKey: string;
  /** Of a user in the group system:masters. */
  readonly client: string;
  readonly clientKey: string;
  /** Signs the tokens of service accounts. */
  readonly accountKey: string;
}

/** Makes an authority, a serving certificate for the address, and a client certificate, all X.509 v3. */
export async function makeClusterCertificates(
  folder: string,
  address: string,
): Promise<Certificates> {
  const path = (name: string) => `${folder}/${name}`;
  const openssl = (...args: string[]) => must("openssl", args);
  const key = (name: string) =>
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path(name));
  await key("ca.key");
  await openssl(
    "req",
    "-x509",
    "-new",
    "-key",
    path("ca.key"),
    "-days",
    "2",
    "-subj",
    "/CN=test-ca",
    "-out",
    path("ca.crt"),
  );
  async function issue(name: string, subject: string, extensions: string): Promise<void> {
    await key(`${name}.key`);
    await Deno.writeTextFile(path(`${name}.ext`), extensions);
    await openssl(
      "req",
      "-new",
      "-key",
      path(`${name}.key`),
      "-subj",
      subject,
      "-out",
      path(`${name}.csr`),
    );
    await openssl(
      "x509",
      "-req",
      "-in",
      path(`${name}.csr`),
      "-CA",
      path("ca.crt"),
      "-CAkey",
      path("ca.key"),
      "-CAcreateserial",
      "-days",
      "2",
      "-extfile",
      path(`${name}.ext`),
      "-out",
      path(`${name}.crt`),
    );
  }
  const names = `IP:127.0.0.1,IP:${address},IP:172.17.0.1,DNS:localhost,DNS:kubernetes.default.svc`;
  await issue(
    "serving",
    "/CN=kube-apiserver",
    `extendedKeyUsage=serverAuth\nsubjectAltName=${names}\n`,
  );
  await issue("client", "/O=system:masters/CN=by-certificate", "extendedKeyUsage=clientAuth\n");
  await key("account.key");
  return {
    folder,
    authority: path("ca.crt"),
    serving: path("serving.crt"),
    servingKey: path("serving.key"),
    client: path("client.crt"),
    clientKey: path("client.key"),
    accountKey: path("account.key"),
  };
}
