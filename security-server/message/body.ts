/** A body is a digest and a handle, never a buffer on the path: small ones are in memory, large ones lie encrypted on disk. */
import type { Readable } from 'node:stream'

export type Body = {
  size: number
  /** SHA-512 of the plaintext, computed while it streamed. */
  sha512: Buffer
  /** The whole body when it is small (64 KiB). */
  bytes?: Buffer | undefined
  open(): Readable
  /** Removes the file of a body that no record refers to. */
  discard(): Promise<void>
}

/** Takes a body as it streams in; given by the message log, which keeps large bodies as they lie. */
export type BodySpool = {
  begin(limits: { maxBytes: number }): {
    write(chunk: Buffer): void | Promise<void>
    end(): Promise<Body>
    abort(): Promise<void>
  }
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
