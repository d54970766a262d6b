/**
 * The evidence bundle (docs/evidence-bundle.md): one ZIP file with everything needed to judge an exchange
 * offline, from the log of one security server. `bundle.json` assigns the entries to the records; nothing
 * else in it is trusted.
 */
import { PROFILES_FILE } from '#core/certificate/instance-profiles.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { ContainerVerdict, SubIndication } from '#core/container/container.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { Circumstances } from '#schemas/circumstances.ts'

export const MANIFEST = 'bundle.json'
export const PAGE = 'README.html'
/**
 * Proves that all tree heads are of one log. In `bundle.json` only `files` lists it; a bundle of one tree
 * head needs none.
 */
export const CONSISTENCY = 'consistency.json'

/** Opens one commitment of a leaf form (docs/message-log-format.md section 2). Both values are base64. */
export type BundleOpening = { key: string; digest: string }

/** File names in these members are names of bundle entries. */
export type BundleRecord = {
  index: number
  /** The leaf form, exactly as it was hashed. */
  form: string
  /** The inclusion proof from the leaf up to the root; base64. */
  path: string[]
  /** The entry with the signed tree head to which the proof leads. */
  checkpoint: string
  openings: { parties?: BundleOpening; message?: BundleOpening; body?: BundleOpening }
  /** The entry with the bytes that `parties` commits to. */
  metadata?: string
  /** The entry with the signature document as it was signed, without a time-stamp. */
  signatures?: string
  /** The entry with the ASiC-E container, if the content still exists. */
  container?: string
  /** When the content was erased, ISO 8601. */
  erased?: string
}

/** That the tree of `second` records begins with that of `first` records: RFC 9162 section 2.1.4; base64. */
export type ConsistencyStep = { first: number; second: number; path: string[] }

/**
 * The log's own record of a time-stamp: it commits to the token and to everything that was stored with it.
 */
export type BundleTimeStamp = Pick<BundleRecord, 'index' | 'form' | 'path' | 'checkpoint'> & {
  openings: { message: BundleOpening; body: BundleOpening }
  /** Ids of the first and the last signature document of the batch. */
  firstId: number
  lastId: number
  /** The entry with the SHA-512 of each of them, one after the other. */
  digests: string
  /** The entry with the hash chain result; absent when the token is over a single signature value. */
  hashChainResult?: string
  token: string
  /**
   * Entries in DER: the authority's certificate chain, and the OCSP answers about the authority and the
   * batch's signers just before the stamp.
   */
  certificates: string[]
  ocspResponses: string[]
}

/**
 * Proves since when a tree head has existed: an evidence record (RFC 4998) over stampedNote of the tree head.
 */
export type BundleEvidenceRecord = {
  checkpoint: string
  record: string
  /**
   * Entries in DER: certificate chains and OCSP answers of the signers of tree head and time-stamps, as of
   * that time.
   */
  certificates: string[]
  ocspResponses: string[]
}

export type BundleManifest = {
  version: 1
  /** The log's origin: the security server's identifier. */
  log: string
  /** When the bundle was made, by the server's clock; unproved. */
  made: string
  /** In ascending order of index. */
  records: BundleRecord[]
  /** The time-stamps over messages of the records, in ascending order of index. */
  timeStamps: BundleTimeStamp[]
  evidenceRecords: BundleEvidenceRecord[]
  /**
   * Entries in DER with certificates and OCSP answers of the current countersigner of the log's checkpoints;
   * its certificate comes first.
   */
  checkpointSigner: { certificates: string[]; ocspResponses: string[] }
  /** Entries with the shared parameters of each instance, for people without a configuration of their own. */
  configuration: string[]
  /** Base64 of the SHA-256 of every entry except `bundle.json`. */
  files: Record<string, string>
}

/** A bundle in which every entry of the manifest is present with the right digest. */
export type Bundle = { manifest: BundleManifest; files: ReadonlyMap<string, Buffer> }

const PROFILES = new RegExp(`^configuration/[^/]+/${PROFILES_FILE.replace('.', '\\.')}$`)

/**
 * The configuration inside the bundle: shared parameters, and each instance's own certificate profiles, which
 * the manifest's `configuration` does not list.
 */
export function configurationIn({ manifest, files }: Bundle): Buffer[] {
  const names = [...manifest.configuration, ...[...files.keys()].filter((name) => PROFILES.test(name))]
  return [...new Set(names)].map((name) => files.get(name)!)
}

/** A bundle, and the configuration, witnesses and time by which it is judged. */
export type BundleQuestion = {
  bundle: Bundle
  configuration: ReadonlyMap<string, ConfigurationIndex>
  now: Date
  /** The policy on witness cosignatures for every tree head; absent: none are required. */
  witnesses?: WitnessPolicy | undefined
}

export type RecordVerdict = Pick<ContainerVerdict, 'verdict' | 'subIndication' | 'reason'> & {
  index: number
  form: LeafFields
  /** The record's metadata, proven by the leaf. */
  metadata: unknown
  /**
   * The circumstances whose hash the metadata contain. Absent if the metadata contain none or the bundle does
   * not show them.
   */
  circumstances?: Circumstances | undefined
  /** The verdict on the signed message, if it is in the bundle. */
  container: ContainerVerdict | undefined
}

export type HeadVerdict = {
  size: number
  signedByMember: boolean
  /**
   * Since when the tree head is proved to exist, and until when that proof counts. Absent without an evidence
   * record.
   */
  existed?: { since: Date; until: Date; stamps: number } | undefined
  /** Why the tree head counts as not signed by the member. */
  subIndication?: SubIndication | undefined
  reason?: string | undefined
  /**
   * Names of the policy's witnesses that cosigned, and whether they meet its quorum. Absent without a policy.
   */
  witnesses?: { names: string[]; quorum: boolean } | undefined
}

export type BundleVerdict = Pick<ContainerVerdict, 'verdict' | 'subIndication' | 'reason'> & {
  log: string
  made: string
  records: RecordVerdict[]
  checkpoints: HeadVerdict[]
}
