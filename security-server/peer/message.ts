/**
 * The values that a message takes on its way, and the marks that hold the order of the steps: a function that asks for
 * `Logged<Signed<T>>` cannot be handed a message that was not signed and logged. Only the named step sets its mark.
 */
import type { Readable } from 'node:stream'
import type { RestRequest, RestResponse } from '#core/transport/rest-message.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { HeldTerms } from './held-terms.ts'

/** A body is a digest and a handle, never a buffer on the path: small ones are in memory, large ones lie encrypted on disk. */
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

/** What proves a message: signatures.xml and, for a batch or a body, the hash chain that leads to it. */
export type MessageSignature = {
  signatures: Buffer
  hashChainResult?: Buffer | undefined
  hashChain?: Buffer | undefined
}

/** A REST request with the exact bytes that are signed, sent, logged and proved. */
export type RequestMessage = {
  request: RestRequest
  requestId: string
  message: Buffer
  messageSha512: Buffer
  body: Body | undefined
  /** Of our own request: what its records say of what held when it went. */
  terms?: HeldTerms | undefined
}

/** A REST reply, likewise. */
export type ReplyMessage = {
  response: RestResponse
  message: Buffer
  messageSha512: Buffer
  body: Body | undefined
}

/** Where a record of the message log stands. */
export type RecordReference = { index: number; leaf: Buffer }

declare const signed: unique symbol
declare const logged: unique symbol
declare const verified: unique symbol
declare const allowed: unique symbol

/** Carries the signature of its member (ours, or a peer's before `Verified`). */
export type Signed<T> = T & { readonly [signed]: true; signature: MessageSignature }
/** Durable in our message log. */
export type Logged<T> = T & { readonly [logged]: true; record: RecordReference }
/** Signature, coverage, signer and peer were checked against the current configuration. */
export type Verified<T> = T & { readonly [verified]: true; peer: ServerId }
/** The client may do this: access rights and contracts were checked on verified identity. */
export type Allowed<T> = T & { readonly [allowed]: true }
