/** One door each: things that only some files may do, detected by their imports or their code. */
import type { SourceFile } from './source-files.ts'

type Door = { what: string; imports?: RegExp; code?: RegExp; allowed: RegExp }

const STORES = /(^|\/|-)(store|tables|migrations)\.ts$|\/migrations\/|(^|\/)main\.ts$/

/** A door that is closed to all files: only tests may pass incomplete values. */
const NOBODY = /^$/

export const DOORS: Door[] = [
  {
    what: 'the database',
    imports:
      /^(kysely|kysely\/.*|pg|mysql2|mysql2\/.*|node:sqlite|#platform\/database\/.*|\.\/(dialect|sqlite|postgresql)\.ts)$/,
    allowed: new RegExp(`${STORES.source}|^platform/(database/|services\\.ts$)`),
  },
  {
    what: 'private keys',
    code: /\b(createPrivateKey|generateKeyPair|generateKeyPairSync)\b/,
    allowed:
      /^security-server\/(keys|message-log\/keys)\/|^central-registry\/configuration\/|^certs\/|^platform\/witness\/witness-key\.ts$/,
  },
  {
    what: 'the environment',
    code: /\bprocess\.env\b/,
    allowed: /(^|\/)main\.ts$|^scripts\//,
  },
  {
    what: 'outside HTTP',
    imports: /^(undici|node:http|node:https|node:http2)$/,
    // fetch-ocsp.ts and similar files are clients for one request, in addition to the client.ts of their room.
    allowed: /(^|\/)(client|fetch-[a-z-]+)\.ts$|^adapters\/|^scripts\//,
  },
  {
    what: 'a type against the checker',
    code: /\bas unknown as\b/,
    allowed: NOBODY,
  },
  {
    what: 'libxml2',
    imports: /^libxml2-wasm$/,
    allowed: /^core\/xml\/library\.ts$/,
  },
  {
    what: "the runtime's own fetch, which keeps neither our limits nor our checks",
    code: /\b(globalThis\.|await |return )fetch\(\s*['"`]http/,
    allowed: /^(console|scripts)\//,
  },
]

/** Files that use a door without permission, each with its reason. An exception that is no longer needed is an error. */
export const EXCEPTIONS: { what: string; file: string; reason: string }[] = [
  {
    what: 'the database',
    file: 'security-server/message-log/log-database.ts',
    reason: "the log worker's own connection, which no other part of the server shares",
  },
  {
    what: 'the database',
    file: 'central-registry/registry.ts',
    reason: 'the wiring behind main.ts, apart from it so that tests start a registry in their own process',
  },
  {
    what: 'private keys',
    file: 'core/hpke/hpke.ts',
    reason: 'new pairs for whoever keeps them',
  },
  {
    what: 'private keys',
    file: 'platform/wallet-login/encryption-key.ts',
    reason: 'a pair for one encrypted answer, in memory for minutes and never stored',
  },
  {
    what: 'private keys',
    file: 'scripts/audit-order/authority-keys.ts',
    reason: "an authority's own keys: it has no server",
  },
  {
    what: 'private keys',
    file: 'scripts/event/read-credentials.ts',
    reason: "the key of a developer's own system, which signs events and has no server",
  },
  {
    what: 'the database',
    file: 'scripts/sandbox/hold-folder.ts',
    reason: 'the lock on the folder of a sandbox, which ends however its process ends; no table is read',
  },
  {
    what: 'private keys',
    file: 'scripts/wallet/keys.ts',
    reason: "the keys of a wallet for trying, which stands in for a person's phone",
  },
  {
    what: 'private keys',
    file: 'scripts/sandbox/files.ts',
    reason: "the TLS keys of the sandbox's agencies, which stand in for foreign systems",
  },
]

/** The files that use a door without permission, and the exceptions that are not needed. */
export function misusers(door: Door, files: SourceFile[]): string[] {
  const users = files.filter((file) => uses(door, file) && !door.allowed.test(file.name))
  const granted = EXCEPTIONS.filter((one) => one.what === door.what).map((one) => one.file)
  const wrong = users.map((file) => file.name).filter((name) => !granted.includes(name))
  const idle = granted.filter((name) => !users.some((file) => file.name === name))
  return [...wrong, ...idle.map((name) => `${name} needs its exception no more`)]
}

function uses(door: Door, { imports, text }: SourceFile): boolean {
  if (door.code?.test(withoutComments(text))) return true
  return door.imports !== undefined && imports.some((one) => !one.isType && door.imports?.test(one.from))
}

/** The code of a file without its comments, which cannot break a rule. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
}
