/**
 * The octets of a tree head that an evidence record covers: the note's text with the unchanged lines of the
 * log and of the member. Witnesses may add their lines later without changing these octets.
 */
import { noteName, parseNote } from '#core/merkle/signed-note.ts'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'

/**
 * `log` is the origin: the security server's identifier. Throws `malformed_checkpoint`, or
 * `bad_client_identifier` for a malformed origin.
 */
export function stampedNote(note: string, log: string): Buffer {
  const names = new Set([noteName(log), noteName(idText(memberOf(parseServerId(log))))])
  const { text, signatures } = parseNote(note)
  const lines = note.slice(text.length + 1).split('\n')
  const kept = signatures.flatMap(({ name }, i) => (names.has(name) ? [`${lines[i]}\n`] : []))
  return Buffer.from(`${text}\n${kept.join('')}`)
}
