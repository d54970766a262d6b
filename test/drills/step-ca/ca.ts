/**
 * A step-ca with a root, an intermediate CA and one ACME provisioner that wants bound accounts, as a process
 * on a loopback address.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Agent, request } from 'undici'
import { until } from '../../until.ts'

const OPERATOR = 'operator'
const ACCEPTED = 200

export type StepCa = {
  directoryUrl: string
  /** PEM files; its own TLS certificate is of the intermediate CA. */
  rootFile: string
  intermediateFile: string
  binding: { kid: string; macKeyFile: string }
  /** As its operator; serial numbers are decimal. */
  revoke(serial: string): Promise<void>
  /** The serial numbers in its revocation list. */
  revoked(): Promise<string[]>
  log(): string
  close(): Promise<void>
}

/**
 * The template decides by the request what a certificate is for, since the open version has no profiles:
 * requests for signing have no common name. What a request wants beside that is not taken over.
 */
const TEMPLATE = `{
  "subject": {{ toJson .Insecure.CR.Subject }},
  "sans": {{ toJson .SANs }},
{{- if .Insecure.CR.Subject.CommonName }}
  "keyUsage": ["digitalSignature", "keyEncipherment"],
  "extKeyUsage": ["serverAuth", "clientAuth"]
{{- else }}
  "keyUsage": ["contentCommitment"]
{{- end }}
}`

export async function startStepCa(q: {
  /** What step-ca/build.sh filled. */
  programs: string
  folder: string
  address: string
  resolver: string
  httpPort: number
  /** How long its certificates live, as Go writes it. */
  lives: string
}): Promise<StepCa> {
  const file = (name: string): string => path.join(q.folder, name)
  makeAuthorities(file)
  const operator = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const at = `https://${q.address}:9000`
  writeFileSync(file('ca.json'), JSON.stringify(settingsOf(q, file, operator.publicKey)))
  const kid = 'member-1'
  const macKey = execFileSync(path.join(q.programs, 'add-binding'), [file('db'), kid], {
    ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  })
  writeFileSync(file('member-1.mac'), macKey, { mode: 0o600 })
  const output = openSync(file('step-ca.log'), 'a')
  const ports = ['--insecure', `--acme-http-port=${q.httpPort}`, `--resolver=${q.resolver}`]
  const child = spawn(path.join(q.programs, 'step-ca'), [...ports, file('ca.json')], {
    stdio: ['ignore', output, output],
    env: { HOME: q.folder, STEPPATH: q.folder },
  })
  const log = (): string => readFileSync(file('step-ca.log'), 'utf8')
  const agent = new Agent({ connect: { ca: readFileSync(file('root.pem')) } })
  await until('step-ca answers', async (saw) => {
    saw(log())
    if (child.exitCode !== null) throw new Error(`step-ca ended:\n${log()}`)
    return request(`${at}/health`, { dispatcher: agent }).then(
      ({ body }) => body.dump().then(() => true),
      () => false,
    )
  })
  return {
    directoryUrl: `${at}/acme/acme/directory`,
    ...{ rootFile: file('root.pem'), intermediateFile: file('intermediate.pem') },
    ...{ binding: { kid, macKeyFile: file('member-1.mac') }, log },
    async revoke(serial) {
      const ott = operatorToken(operator.privateKey, { subject: serial, audience: `${at}/1.0/revoke` })
      const { statusCode, body } = await request(`${at}/1.0/revoke`, {
        ...{ dispatcher: agent, method: 'POST', headers: { 'content-type': 'application/json' } },
        body: JSON.stringify({ serial, ott, passive: true, reasonCode: 1 }),
      })
      const said = await body.text()
      if (statusCode !== ACCEPTED) throw new Error(`step-ca revoked nothing: ${statusCode} ${said}`)
    },
    async revoked() {
      const { body } = await request(`${at}/1.0/crl`, { dispatcher: agent })
      const crl = Buffer.from(await body.arrayBuffer())
      const text = execFileSync('openssl', ['crl', '-inform', 'DER', '-noout', '-text'], { input: crl })
      return [...text.toString().matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, hex]) =>
        BigInt(`0x${hex}`).toString(),
      )
    },
    async close() {
      await ended(child)
      await agent.close()
    },
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => void child.once('exit', resolve))
  child.kill('SIGKILL')
  await exit
}

function makeAuthorities(file: (name: string) => string): void {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' })
  const made = (name: string, ...more: string[]): void =>
    openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`), '-subj', `/O=Step/CN=Step ${name}`],
      ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign', ...more],
    )
  made('root', '-addext', 'basicConstraints=critical,CA:TRUE,pathlen:1')
  made(
    'intermediate',
    ...['-addext', 'basicConstraints=critical,CA:TRUE,pathlen:0'],
    ...['-CA', file('root.pem'), '-CAkey', file('root.key')],
  )
}

function settingsOf(
  { address, lives }: { address: string; lives: string },
  file: (name: string) => string,
  operator: KeyObject,
): object {
  const key = { ...operator.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: OPERATOR }
  return {
    ...{ root: file('root.pem'), crt: file('intermediate.pem'), key: file('intermediate.key') },
    ...{ address: `${address}:9000`, dnsNames: [address], logger: { format: 'text' } },
    db: { type: 'badgerv2', dataSource: file('db') },
    crl: { enabled: true, generateOnRevoke: true },
    authority: {
      provisioners: [
        {
          ...{ type: 'ACME', name: 'acme', requireEAB: true, challenges: ['http-01', 'dns-01'] },
          claims: { minTLSCertDuration: '5m', defaultTLSCertDuration: lives, maxTLSCertDuration: lives },
          options: { x509: { template: TEMPLATE } },
        },
        { type: 'JWK', name: OPERATOR, key },
      ],
    },
  }
}

/** What an operator's command sends in the place of a password (RFC 7519). */
function operatorToken(key: KeyObject, q: { subject: string; audience: string }): string {
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: OPERATOR, sub: q.subject, aud: q.audience, jti: randomUUID(), iat: now, nbf: now }
  const head = { alg: 'ES256', typ: 'JWT', kid: OPERATOR }
  const text = `${encoded(head)}.${encoded({ ...claims, exp: now + 300 })}`
  const value = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${value.toString('base64url')}`
}
