/**
 * The document of a consent: what log records commit to by its digest. It has no personal code, only a name
 * of the person that the server alone can make.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { Attested, ConsentKind, ConsentMandate, ConsentProof, ShownText } from '#schemas/consents.ts'
import type { AttestedAttribute } from '#schemas/contract.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'

export type ConsentDocument = {
  version: 1
  number: Uuid
  /** The security server that keeps it. */
  server: string
  /** HMAC-SHA-256 of the person's code, base64url. */
  person: string
  client: string
  contract: { id: string; version: number }
  demand: string
  kind: ConsentKind
  givenAt: Time
  validUntil: Time
  shown: ShownText
  proof: ConsentProof
  byRepresentative?: true
  /** Who acted for the person, named alike, and by which mandate. */
  representative?: { person: string; mandate: ConsentMandate }
  /** The record of the request that gave it, in the server's message log. */
  givenRecord: Whole
  /** SHA-256, hex, of the canonical form of the record of the wallet's presentation. */
  presentation?: string
  /**
   * With it: who issued each credential, in the order of the record, by the names that the registry gives
   * them.
   */
  issuedBy?: string[]
  /**
   * With it: where in each credential the code of its person stands, by the settings of the server, in the
   * same order.
   */
  codes?: string[][]
  /**
   * With it: the registry's list of trusted issuers by which it was judged, as its transparency log names it
   * (`digestOfIssuers`).
   */
  trustedIssuers?: string
  /** With it: the rest of what the presentation is bound to. */
  asked?: {
    provider: string
    /** The subsystem that asked the wallet. */
    portal: string
    services: string[]
    /**
     * When the wallet was asked: what the holder signs is bound to it, whatever the request says of its own
     * time.
     */
    askedAt: Time
    /** What the contract demanded to be attested. */
    attributes?: AttestedAttribute[]
  }
  /** Which credential attested each of them. */
  attested?: Attested[]
}

/** SHA-256, hex, of the RFC 8785 form. */
export function consentDigest(document: ConsentDocument): string {
  return createHash('sha256').update(canonicalJson(document)).digest('hex')
}
