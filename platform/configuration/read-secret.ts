/** Reads secrets from files that only their owner can read; files with wider permissions are refused. */
import { open } from 'node:fs/promises'
import { Fault } from '#schemas/fault.ts'

const MAX_BYTES = 64 * 1024

/**
 * The text of a secret file without its last line break. Throws `invalid_configuration` unless it is a
 * regular file that only its owner can access (0600).
 */
export async function readSecret(file: string): Promise<string> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new Fault('invalid_configuration', { what: `the secret file ${file} cannot be read`, cause })
  })
  try {
    const facts = await handle.stat()
    if (!facts.isFile() || facts.size > MAX_BYTES) throw refused(file, 'is not a small plain file')
    if ((facts.mode & 0o077) !== 0) throw refused(file, 'can be read by others: chmod 600')
    const uid = process.getuid?.()
    if (uid !== undefined && facts.uid !== uid && facts.uid !== 0)
      throw refused(file, 'belongs to another user')
    const secret = (await handle.readFile('utf8')).replace(/\r?\n$/, '')
    if (secret === '') throw refused(file, 'is empty')
    return secret
  } finally {
    await handle.close()
  }
}

function refused(file: string, why: string): Fault {
  return new Fault('invalid_configuration', { what: `the secret file ${file} ${why}` })
}
