/** One door each: things that only some files may do, detected by their imports or their code. */
import type { SourceFile } from './source-files.ts'

type Door = { what: string; imports?: RegExp; code?: RegExp; allowed: RegExp }

const STORES = /(^|\/|-)(store|tables|migrations)\.ts$|\/migrations\//

/** The root of a server is its wiring: it opens the database that the stores are given, as a main.ts does. */
const WIRING = /(^|\/)main\.ts$|^(security-server|central-registry)\/[^/]+\.ts$/

/**
 * Private keys are in the rooms that keep those of a server, registry and trust service. A file elsewhere
 * whose name ends with key or keys has those of somebody who has no server: a witness, a recipient, an
 * authority, a wallet, a developer's system.
 */
const KEY_ROOMS = /^security-server\/(keys|message-log\/keys)\/|^central-registry\/configuration\/|^certs\//
const KEY_FILES = /^(core|platform|scripts)\/([^/]+\/)*([^/]+-)?keys?\.ts$/

/** A door that is closed to all files: only tests may pass incomplete values. */
const NOBODY = /^$/

export const DOORS: Door[] = [
  {
    what: 'the database',
    imports:
      /^(kysely|kysely\/.*|pg|mysql2|mysql2\/.*|node:sqlite|#platform\/database\/(?!lock-file\.ts).*|\.\/(dialect|sqlite|postgresql)\.ts)$/,
    // A locked file (lock-file.ts) is no database: SQLite only holds the lock.
    allowed: new RegExp(`${STORES.source}|${WIRING.source}|^platform/(database/|services\\.ts$)`),
  },
  {
    what: 'private keys',
    code: /\b(createPrivateKey|generateKeyPair|generateKeyPairSync)\b/,
    allowed: new RegExp(`${KEY_ROOMS.source}|${KEY_FILES.source}`),
  },
  {
    what: 'the environment',
    code: /\bprocess\.env\b/,
    allowed: /(^|\/)main\.ts$|^scripts\//,
  },
  {
    what: 'outside HTTP',
    imports: /^(undici|node:http|node:https|node:http2)$/,
    // fetch-ocsp.ts and similar files are clients for one request, in addition to the client.ts of their
    // room.
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

/** The files that use a door without permission. */
export function misusers(door: Door, files: SourceFile[]): string[] {
  return files.filter((file) => uses(door, file) && !door.allowed.test(file.name)).map(({ name }) => name)
}

function uses(door: Door, { imports, text }: SourceFile): boolean {
  if (door.code?.test(withoutComments(text))) return true
  return door.imports !== undefined && imports.some((one) => !one.isType && door.imports?.test(one.from))
}

/** The code of a file without its comments, which cannot break a rule. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
}
