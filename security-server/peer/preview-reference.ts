/**
 * The reference of an answer that the person sees first. Where several security servers serve the provider's subsystem it names, behind its
 * secret, the one that keeps the answer: no other knows of it.
 */
import { idText, parseServerId, type ServerId } from '#schemas/identifiers.ts'

const SECRET = /^[\w-]{43}$/

type PreviewReference = { secret: string; server: ServerId | undefined }

/** In the characters of a header. */
export function writePreviewReference({ secret, server }: PreviewReference): string {
  return server === undefined ? secret : `${secret}/${idText(server)}`
}

/** Undefined for what is none. */
export function readPreviewReference(text: string): PreviewReference | undefined {
  const [secret = '', ...named] = text.split('/')
  if (!SECRET.test(secret)) return undefined
  try {
    return { secret, server: named.length === 0 ? undefined : parseServerId(named.join('/')) }
  } catch {
    return undefined
  }
}
