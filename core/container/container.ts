/** The content of an ASiC-E message container of X-Road (ug-sigdoc), for writing, reading and judging. */
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

/**
 * Further names of hash chains in some of X-Road's containers, besides those that a signature can refer to.
 */
export const STRAY_CHAIN: ReadonlySet<string> = new Set(['hashchain.xml', 'hashchainresult.xml'])

export const ATTACHMENT = /^attachment([1-9]\d{0,3})$/

type Documents = {
  message: Buffer
  /** The signature document, byte for byte as signed or received. */
  signatures: Buffer
  hashChainResult?: Buffer | undefined
  hashChain?: Buffer | undefined
  /** The next three are present together: those of a batch time-stamp. */
  timestampHashChainResult?: Buffer | undefined
  timestampHashChain?: Buffer | undefined
  /** DER of the time-stamp token (CMS ContentInfo). */
  timestampToken?: Buffer | undefined
}

/** The input of writeContainer; attachments are named attachment1 and so on, in order. */
export type ContainerParts = Documents & {
  attachments: {
    name: string
    size: number
    open(): Readable
    /** The same bytes, if they are in memory. */
    bytes?: Buffer
  }[]
  /** Modification time of the entries; 1980-01-01 by default. */
  time?: Date
}

/** The result of readContainer. Attachments are digested while they are read, and are not kept. */
export type Container = Documents & {
  manifest: Buffer | undefined
  asicManifest: Buffer | undefined
  attachments: ReadAttachment[]
  /**
   * SHA-512 of all attachments joined in order, where there are several: what a log's leaf commits to as the
   * body.
   */
  joinedSha512: Buffer | undefined
  /**
   * Hash chains under the names that X-Road's chain files have outside containers; no signature refers to
   * them.
   */
  strayChains: { name: string; bytes: Buffer }[]
  /** Names of entries that do not belong in a message container. */
  unknown: string[]
}

/** `digest` accepts the digests that signature and chain name; throws `invalid_reference` for others. */
export type ReadAttachment = { name: string; size: number; digest(name: DigestName): Buffer }

/** The sub-indications of EN 319 102-1 that we use. */
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
  /** X-Road's fault code, if it has one for this case. */
  code?: FaultCode | undefined
  /** A sentence for people. */
  reason: string
  /** The signer according to the message, confirmed by the certificate. */
  signer?: ClientId | undefined
  signingCertificate?: Certificate | undefined
  /** The signing time that the signer claims; unproved. */
  signingTime?: Date | undefined
  timeStamp?: { time: Date; tsa: Certificate; keyCountedUntil?: Date } | undefined
  /** Entries and absent attachments (`present` false), each with whether the signature covers it. */
  covers: { name: string; covered: boolean; present: boolean }[]
}
