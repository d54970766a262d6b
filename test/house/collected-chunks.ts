/**
 * Chunks of a stream that are kept as they came: whoever sends decides how small they are, and each costs
 * hundreds of octets of memory beside its own. `core/transport/collect-bytes.ts` copies them.
 */
import { withoutComments } from './doors.ts'
import type { SourceFile } from './source-files.ts'

/** Product code only: what runs at a person's own command may do so. */
const ROOMS = /^(?:adapters|central-registry|certs|core|platform|security-server)\//
const CHUNK = '(?:buffer|bytes|chunk|data|octets|part|piece)(?: as Buffer)?'
const KEPT = new RegExp(String.raw`\b(\w+)\.push\((?:Buffer\.from\()?${CHUNK}\)`, 'g')
/** Fastify keeps every chunk for this option. */
const PARSED = /\bparseAs\b/

/** What comes in pieces that no sender chooses, or is kept for another reason. */
const EXCEPTIONS: Record<string, string> = {
  'adapters/events/kafka/frames.ts': 'packets of TCP, from a broker that the operator named',
  'adapters/events/kafka/wire.ts': 'it writes',
  'adapters/file/messages/hold-to-schema.ts': 'a file, read in blocks',
  'adapters/file/messages/make-events.ts': 'a file, read in blocks',
  'adapters/file/read-rows.ts': 'a file, read in blocks',
  'adapters/sql/sqlite-protocol.ts': 'a pipe from a process of its own',
  'central-registry/features/backups/verify-backup.ts': 'a file, read in blocks',
  'core/container/read-container.ts': 'an entry of a ZIP file, inflated in blocks',
  'core/transport/collect-bytes.ts': 'it says which of them it keeps',
  'core/xml/library.ts': 'what libxml2 writes',
  'platform/pkcs11/connection.ts': 'a pipe from a process of its own',
  'platform/stored-files/stored-files.ts': 'a file, read in blocks',
  'security-server/features/backups/restore-backup.ts': 'a file, read in blocks',
  'security-server/features/person-search/log/index-subjects.ts': 'a body of its own log, read in blocks',
  'security-server/features/try-outs/show-answer.ts': 'a body of its own spool, read in blocks',
}

/** Files that keep chunks as they came, and exceptions that are no longer needed. */
export function findCollected(files: Pick<SourceFile, 'name' | 'text'>[]): string[] {
  const found = files.flatMap(({ name, text }) => {
    if (!ROOMS.test(name)) return []
    const code = withoutComments(text)
    const kept = [...code.matchAll(KEPT)].map(([, list]) => list!)
    return PARSED.test(code) || kept.some((list) => isJoined(code, list)) ? [name] : []
  })
  const needless = Object.keys(EXCEPTIONS).filter((name) => files.length > 1 && !found.includes(name))
  return [
    ...found.filter((name) => !(name in EXCEPTIONS)),
    ...needless.map((name) => `${name}: an exception that is not needed`),
  ]
}

/** Whether the list is made one buffer, here or where a function that returns it is called. */
function isJoined(code: string, list: string): boolean {
  return new RegExp(String.raw`Buffer\.concat\(${list}\b`).test(code)
}
