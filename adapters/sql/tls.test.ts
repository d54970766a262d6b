/**
 * The way to a database on another machine: a password from a file, over TLS that is checked by authority and
 * by host name.
 */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { emptyFolder, ownAddress, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'
import { freePort } from '#test/free-port.ts'
import { hasMariadb, startMariadb } from '#test/mariadb.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, startPostgresql } from '#test/postgresql.ts'
import { sqlAdapter } from './adapter.ts'

const PASSWORD = "pass'word \\ %40 ü"
const resources = [
  { path: '/one', one: true, query: "select 'found' as said", fields: { said: { type: 'string' } } },
]

/** A certificate for the address, which is its own authority, in files that the database's user can read. */
function certify(t: Test, q: { hostName: string; address: string }, user?: string) {
  const folder = mkdtempSync('/tmp/concordat-tls-')
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = { hostName: q.hostName, ipAddresses: [q.address] }
  const certificate = path.join(folder, 'server.pem')
  const key = path.join(folder, 'server.key')
  writeFileSync(certificate, certificatePem(selfSignedCertificate({ privateKey, names, at: new Date() })))
  writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
  if (user !== undefined && process.getuid?.() === 0) {
    const [uid, gid] = ['-u', '-g'].map((flag) =>
      Number(execFileSync('id', [flag, user], { encoding: 'utf8' })),
    )
    for (const one of [folder, certificate, key]) chownSync(one, uid!, gid!)
  }
  return { certificate, key }
}

type Remote = { kind: 'postgresql' | 'mariadb'; host: string; port?: number; name: string; user: string }

/** `why`: what the log says of a wrong authority, a wrong password, a wrong name, and of plain TCP. */
async function checkConnections(
  t: Test,
  database: Remote,
  authorityFile: string,
  otherName: string,
  why: RegExp[],
): Promise<void> {
  const folder = emptyFolder(t)
  const [passwordFile, wrongFile] = ['right', 'wrong'].map((name) => path.join(folder, name)) as [
    string,
    string,
  ]
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 })
  writeFileSync(wrongFile, 'wrong', { mode: 0o600 })
  const connect = async (more: object) => {
    const settings = { database: { ...database, passwordFile, ...more }, resources }
    const { ask, stop, lines } = await startAdapter(t, sqlAdapter, { settings })
    const { status, body } = await ask('/one')
    await stop()
    t.notOk(lines.some((line) => line.includes("pass'word")))
    return { status, body, log: lines.filter((line) => line.includes('"warn"')).join('') }
  }
  t.match(await connect({ authorityFile }), { status: 200, body: { said: 'found' }, log: /^$/ })
  const other = certify(t, { hostName: 'other', address: ownAddress() }).certificate
  const wrong = [
    { authorityFile: other },
    { authorityFile, passwordFile: wrongFile },
    { authorityFile, host: otherName },
    {},
  ]
  for (const [at, more] of wrong.entries())
    t.match(await connect(more), { status: 503, log: why[at]! }, why[at]!.source)
}

t.test('PostgreSQL', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const host = ownAddress()
  const { certificate, key } = certify(t, { hostName: 'database', address: host }, 'postgres')
  const hba = path.join(path.dirname(certificate), 'hba')
  writeFileSync(hba, `local all all trust\nhostssl all reader ${host}/8 scram-sha-256\n`)
  const server = await startPostgresql([
    ...[`listen_addresses=${host}`, 'ssl=on', `ssl_cert_file=${certificate}`, `ssl_key_file=${key}`],
    `hba_file=${hba}`,
  ])
  const url = await server.freshDatabase()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`create user reader password ${client.escapeLiteral(PASSWORD)}`)
  await client.end()
  const name = new URL(url).pathname.slice(1)
  await checkConnections(t, { kind: 'postgresql', host, name, user: 'reader' }, certificate, inHex(host), [
    ...[
      /self-signed certificate/,
      /password authentication failed/,
      /does not match certificate's altnames/,
      /no pg_hba.conf entry/,
    ],
  ])
})

t.test('MariaDB', async (t) => {
  if (!hasMariadb()) return skipFor(t, 'MariaDB is not installed')
  const port = await freePort()
  const { certificate, key } = certify(t, { hostName: 'localhost', address: '127.0.0.1' })
  const server = await startMariadb([
    ...['--skip-networking=0', '--bind-address=127.0.0.1', `--port=${port}`, '--skip-name-resolve'],
    ...[`--ssl-cert=${certificate}`, `--ssl-key=${key}`],
  ])
  const literal = PASSWORD.replaceAll('\\', '\\\\').replaceAll("'", "''")
  await server.run(
    'create database register',
    `create user reader@'%' identified by '${literal}' require ssl`,
    "grant select on register.* to reader@'%'",
  )
  const database = { kind: 'mariadb' as const, host: 'localhost', port, name: 'register', user: 'reader' }
  await checkConnections(t, database, certificate, inHex('127.0.0.1'), [/SSL/, /1045/, /SSL/, /1045/])
})

/** The same address, written in a way that no certificate has. */
function inHex(address: string): string {
  return `0x${address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')}`
}
