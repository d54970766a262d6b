/**
 * The evidence bundle (docs/evidence-bundle.md): one ZIP file with all that is needed to judge an exchange offline, from
 * the log of one security server. `bundle.json` says what belongs to which record; nothing else in it is trusted.
 */
import { PROFILES_FILE } from '#core/certificate/instance-profiles.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { ContainerVerdict, SubIndication } from '#core/container/container.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { Circumstances } from '#schemas/circumstances.ts'

export const MANIFEST = 'bundle.json'
export const PAGE = 'README.html'

/** Opens one commitment of a leaf form (docs/message-log-format.md section 2); both base64. */
export type BundleOpening = { key: string; digest: string }

/** Members that are file names name entries of the bundle. */
export type BundleRecord = {
  index: number
  /** The leaf form, as it was hashed. */
  form: string
  /** The inclusion proof, from the leaf up, base64. */
  path: string[]
  /** The signed tree head that the proof leads to. */
  checkpoint: string
  openings: { parties?: BundleOpening; message?: BundleOpening; body?: BundleOpening }
  /** The bytes that `parties` commits to. */
  metadata?: string
  /** The signature document as it was signed, without a time-stamp. */
  signatures?: string
  /** The ASiC-E container, where the content is still there. */
  container?: string
  /** When the content was erased, ISO 8601. */
  erased?: string
}

/** The log's own record of a time-stamp: it commits to the token and to all that was kept with it. */
export type BundleTimeStamp = Pick<BundleRecord, 'index' | 'form' | 'path' | 'checkpoint'> & {
  openings: { message: BundleOpening; body: BundleOpening }
  /** First and last signature document of the batch. */
  firstId: number
  lastId: number
  /** SHA-512 of each of them, one after the other. */
  digests: string
  /** Absent when the token is over one signature value. */
  hashChainResult?: string
  token: string
  /** DER: the authority's chain, and the status of the authority and of the batch's signers just before the stamp. */
  certificates: string[]
  ocspResponses: string[]
}

/** What proves since when a tree head exists: an evidence record (RFC 4998) over stampedNote of it. */
export type BundleEvidenceRecord = {
  checkpoint: string
  record: string
  /** DER: chains and status of whoever signed tree head and time-stamps, as of then. */
  certificates: string[]
  ocspResponses: string[]
}

export type BundleManifest = {
  version: 1
  /** The log's origin: the security server's identifier. */
  log: string
  /** When the bundle was made, by the server's own words. */
  made: string
  /** In rising order of index. */
  records: BundleRecord[]
  /** Those that cover messages of the records, in rising order of index. */
  timeStamps: BundleTimeStamp[]
  evidenceRecords: BundleEvidenceRecord[]
  /** Certificates and OCSP responses (DER) of whoever countersigns the log's checkpoints now; the certificate first. */
  checkpointSigner: { certificates: string[]; ocspResponses: string[] }
  /** The shared parameters of each instance, for those who have no configuration of their own. */
  configuration: string[]
  /** Base64 of SHA-256 of every entry but this one. */
  files: Record<string, string>
}

/** A bundle whose entries are all there and are what its manifest says. */
export type Bundle = { manifest: BundleManifest; files: ReadonlyMap<string, Buffer> }

const PROFILES = new RegExp(`^configuration/[^/]+/${PROFILES_FILE.replace('.', '\\.')}$`)

/** What the bundle brings to be judged by: shared parameters, and each instance's own certificate profiles, which nothing else names. */
export function configurationIn({ manifest, files }: Bundle): Buffer[] {
  const names = [...manifest.configuration, ...[...files.keys()].filter((name) => PROFILES.test(name))]
  return [...new Set(names)].map((name) => files.get(name)!)
}

/** A bundle, and what it is judged by. */
export type BundleQuestion = {
  bundle: Bundle
  configuration: ReadonlyMap<string, ConfigurationIndex>
  now: Date
  /** Whose cosignatures every tree head needs; none when absent. */
  witnesses?: WitnessPolicy | undefined
}

export type RecordVerdict = Pick<ContainerVerdict, 'verdict' | 'subIndication' | 'reason'> & {
  index: number
  form: LeafFields
  /** What the record says of itself, proven by the leaf. */
  metadata: unknown
  /** Its circumstances, proven to be those that its metadata name; absent where they name none or none are shown. */
  circumstances?: Circumstances | undefined
  /** The verdict on the signed message, where it is in the bundle. */
  container: ContainerVerdict | undefined
}

export type HeadVerdict = {
  size: number
  signedByMember: boolean
  /** Since when the tree head is proved to exist, and until when that proof counts; absent without an evidence record. */
  existed?: { since: Date; until: Date; stamps: number } | undefined
  /** Why it is not signed by the member, at a proven time. */
  subIndication?: SubIndication | undefined
  reason?: string | undefined
  /** Of the policy that it was judged by, those that cosigned, and whether they are enough; absent without a policy. */
  witnesses?: { names: string[]; quorum: boolean } | undefined
}

export type BundleVerdict = Pick<ContainerVerdict, 'verdict' | 'subIndication' | 'reason'> & {
  log: string
  made: string
  records: RecordVerdict[]
  checkpoints: HeadVerdict[]
}
