/** What an ASiC-E message container of X-Road holds (wire digest 4.1), as it is written, read and judged. */
import type { Readable } from 'node:stream'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { FaultCode } from '#schemas/fault.ts'
import type { ClientId } from '#schemas/identifiers.ts'
import type { DigestName } from '#schemas/wire.ts'

export const MIME_TYPE = 'application/vnd.etsi.asic-e+zip'

/** Names of the entries. */
export const ENTRY = {
  mimetype: 'mimetype',
  message: 'message.xml',
  signatures: 'META-INF/signatures.xml',
  hashChainResult: 'sig-hashchainresult.xml',
  hashChain: 'sig-hashchain.xml',
  timestampHashChainResult: 'ts-hashchainresult.xml',
  timestampHashChain: 'ts-hashchain.xml',
  manifest: 'META-INF/manifest.xml',
  asicManifest: 'META-INF/ASiCManifest.xml',
  timestamp: 'META-INF/timestamp.tst',
} as const

/** Names under which hash chains lie in some containers of X-Road, beside those that a signature can refer to. */
export const STRAY_CHAIN: ReadonlySet<string> = new Set(['hashchain.xml', 'hashchainresult.xml'])

export const ATTACHMENT = /^attachment([1-9]\d{0,3})$/

type Documents = {
  message: Buffer
  /** The signature document, byte for byte as it was signed or received. */
  signatures: Buffer
  hashChainResult?: Buffer | undefined
  hashChain?: Buffer | undefined
  /** The three of a batch time-stamp come together. */
  timestampHashChainResult?: Buffer | undefined
  timestampHashChain?: Buffer | undefined
  /** DER of the time-stamp token (CMS ContentInfo). */
  timestampToken?: Buffer | undefined
}

/** What writeContainer takes; attachments are named attachment1 and so on, in order. */
export type ContainerParts = Documents & {
  attachments: {
    name: string
    size: number
    open(): Readable
    /** Where it is in memory anyway. */
    bytes?: Buffer
  }[]
  /** Modification time of the entries; 1980-01-01 by default. */
  time?: Date
}

/** What readContainer gives. Attachments were digested while they were read and are not kept. */
export type Container = Documents & {
  manifest: Buffer | undefined
  asicManifest: Buffer | undefined
  attachments: ReadAttachment[]
  /** Hash chains under the names that X-Road's chain files have outside containers; nothing refers to them. */
  strayChains: { name: string; bytes: Buffer }[]
  /** Entries that a message container has no place for. */
  unknown: string[]
}

/** `digest` knows the digests that signature and chain name; others throw `invalid_reference`. */
export type ReadAttachment = { name: string; size: number; digest(name: DigestName): Buffer }

/** EN 319 102-1 sub-indications that we give. */
export type SubIndication =
  | 'FORMAT_FAILURE'
  | 'HASH_FAILURE'
  | 'SIG_CRYPTO_FAILURE'
  | 'NOT_YET_VALID'
  | 'SIG_CONSTRAINTS_FAILURE'
  | 'CHAIN_CONSTRAINTS_FAILURE'
  | 'CERTIFICATE_CHAIN_GENERAL_FAILURE'
  | 'CRYPTO_CONSTRAINTS_FAILURE'
  | 'CRYPTO_CONSTRAINTS_FAILURE_NO_POE'
  | 'NO_CERTIFICATE_CHAIN_FOUND'
  | 'OUT_OF_BOUNDS_NO_POE'
  | 'REVOKED_NO_POE'
  | 'REVOKED_CA_NO_POE'
  | 'TIMESTAMP_ORDER_FAILURE'
  | 'SIGNED_DATA_NOT_FOUND'
  | 'NO_POE'
  | 'TRY_LATER'

export type ContainerVerdict = {
  verdict: 'TOTAL-PASSED' | 'TOTAL-FAILED' | 'INDETERMINATE'
  subIndication?: SubIndication | undefined
  /** X-Road's code where it has one. */
  code?: FaultCode | undefined
  /** A sentence for people. */
  reason: string
  /** Who signed, as the message says and the certificate proves. */
  signer?: ClientId | undefined
  signingCertificate?: Certificate | undefined
  /** As the signer claims. */
  signingTime?: Date | undefined
  timeStamp?: { time: Date; tsa: Certificate; keyCountedUntil?: Date } | undefined
  /** Entries, and attachments that were left out (`present` false): does the signature cover them? */
  covers: { name: string; covered: boolean; present: boolean }[]
}
