/**
 * A body is a digest and a handle, never a buffer on the path: small ones are in memory, large ones lie
 * encrypted on disk.
 */
import type { Readable } from 'node:stream'
import type { HeaderList } from '#core/transport/header-list.ts'

/** Bytes that are read when they are wanted. */
export type Content = {
  size: number
  /** All of it, when it is in memory. */
  bytes?: Buffer | undefined
  open(): Readable
}

/**
 * A SOAP attachment: a piece of the body that the signature covers by itself. Its MIME headers are not
 * signed.
 */
export type Attachment = { size: number; sha512: Buffer; headers: HeaderList }

export type Body = Content & {
  /** SHA-512 of the plaintext, computed while it streamed. */
  sha512: Buffer
  /** What the body joins, in order and without a gap; absent when the body is one whole (REST). */
  attachments?: Attachment[]
  /** Removes the file of a body that no record refers to. */
  discard(): Promise<void>
}

/** Takes bytes as they come; one call at a time. */
export type Taker<T> = {
  /**
   * Nobody else may change or read the chunk afterwards: its memory may end. A promise means "wait before the
   * next one".
   */
  write(chunk: Buffer): void | Promise<void>
  end(): Promise<T>
  /**
   * Lets go of what was taken, also while `write` or `end` is under way: what these begin is over when it
   * resolves.
   */
  abort(): Promise<void>
}

export type BodyWriter = Taker<Body> & {
  /** SHA-512 of all that was written, once the last `write` has settled. */
  digestSoFar(): Buffer
}

/** Takes a body as it streams in; given by the message log, which keeps large bodies as they lie. */
export type BodySpool = { begin(limits: { maxBytes: number }): BodyWriter }

/** The parts of a body that a signature covers, each by itself: /attachment1 and so on. */
export function coveredParts(body: Body | undefined): { sha512: Buffer }[] {
  return body === undefined ? [] : (body.attachments ?? [body])
}

/** Runs `work`; when it fails, removes the body, which no record refers to, and lets the failure go on. */
export async function discardOnFailure<T>(body: Body | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    await body?.discard()
    throw cause
  }
}
