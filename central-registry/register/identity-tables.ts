/** Row types of the registry's identity keys and of the histories of DIDs, one to one with the migrations. */
import type { Generated } from 'kysely'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type DidSubjectRow = {
  /**
   * The segments of the DID below the registry's own, as in a URL: "members/GOV/1234"; empty for the
   * instance.
   */
  path: string
  kind: 'instance' | 'member' | 'server'
  /** The identifier in text form. */
  subject: string
  scid: string
  /** The did:webvh. */
  did: string
  /** SHA-256 of the document's facts, in hex: a new entry is written when they change. */
  facts: string
  version_id: string
  version_time: string
  entries: Whole
  ended_at: Time | null
  /** Of which key the newest entry announced the one that signs the next entry: its number, from 1. */
  next_key: Whole
}

export type IdentityTables = {
  /**
   * `lost_at`: since then there is no copy of it, and what it should sign cannot go on. `made_at`: of a
   * published key that replaced another one. `accepted_until`: of a key that was replaced, until when others
   * still accept what it signed.
   */
  identity_key: {
    name: string
    public_key: string
    lost_at: Time | null
    made_at: Time | null
    accepted_until: Time | null
  }
  did_subject: DidSubjectRow
  did_entry: {
    id: Generated<number>
    path: string
    number: number
    version_id: string
    /** The line of the history without its end. */
    line: string
    sha256: string
    at: Time
  }
  /** Signing certificates of members, from documents that this registry accepted. */
  did_certificate: { sha256: string; member: string; certificate: Buffer; seen_at: string }
}
