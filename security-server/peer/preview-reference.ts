/**
 * The reference of an answer that the person sees first. It names, behind its secret, the security server
 * that keeps the answer: where others serve the provider's subsystem too, or come to while the answer waits,
 * they know nothing of it.
 */
import { idText, parseServerId, type ServerId } from '#schemas/identifiers.ts'

const SECRET = /^[\w-]{43}$/

/** In the characters of a header. */
export function writePreviewReference({ secret, server }: { secret: string; server: ServerId }): string {
  return `${secret}/${idText(server)}`
}

/** Undefined if the text is no reference. `server` is undefined where the client left it out. */
export function readPreviewReference(
  text: string,
): { secret: string; server: ServerId | undefined } | undefined {
  const [secret = '', ...named] = text.split('/')
  if (!SECRET.test(secret)) return undefined
  try {
    return { secret, server: named.length === 0 ? undefined : parseServerId(named.join('/')) }
  } catch {
    return undefined
  }
}
