/**
 * What a security server that witnesses the registry's transparency log tells the registry: its cosignature
 * of a checkpoint.
 */
import type { DocumentHead } from './management-request.ts'

/** The `typ` of the document's JWS. */
export const LOG_COSIGNATURE_TYPE = 'concordat-log-cosignature'

/** Signed by the owner of the server, so that nobody else can name a witness for it. */
export type LogCosignature = DocumentHead & {
  server: string
  /** The verifier key of the server's witness. */
  witnessKey: string
  /** The size of the checkpoint's tree. */
  size: number
  /** The signature line under the checkpoint, without its end. */
  cosignature: string
  /**
   * The witness key's signature over `witnessClaim(server)`, base64: else an owner could bring the key and
   * the lines of somebody else's witness.
   */
  witnessProof: string
}

/** What the key of a server's witness signs to say whose it is. No cosignature begins like this. */
export function witnessClaim(server: string): string {
  return `concordat-witness-of/v1\n${server}\n`
}

/**
 * The keys of the registry's public log, in a part of the publication that X-Road's servers do not see.
 * Newest first.
 */
export type PublishedLogKeys = { origin: string; keys: string[] }

/** The `typ` of the JWS that tells of a contradiction. */
export const LOG_CONTRADICTION_TYPE = 'concordat-log-contradiction'

/**
 * What a security server tells the registry that knows a checkpoint which the registry's log signed and does
 * not show any more.
 */
export type LogContradiction = DocumentHead & {
  server: string
  /** The checkpoint as text, with the log's own lines. */
  checkpoint: string
}
