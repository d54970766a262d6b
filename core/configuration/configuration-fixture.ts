/**
 * Writes everything that a registry publishes, with keys in memory: for tests, also of content that no real
 * registry would publish.
 */
import type {
  ConfigurationStatement,
  LogHead,
  SharedParameters,
  SuspensionList,
} from '#schemas/global-configuration.ts'
import { prepareDirectory } from './directory-write.ts'
import { LOG_HEAD } from './log-head.ts'
import { writeSharedParametersIn } from './shared-parameters-write.ts'
import { type DocumentKind, type DocumentSigner, signedPart } from './signed-document.ts'
import { STATEMENT } from './statement.ts'
import { SUSPENSION_LIST } from './suspension-list.ts'

export function writeStatement(statement: ConfigurationStatement, signer: DocumentSigner): string {
  return writeDocument(statement, signer, STATEMENT)
}

export function writeLogHead(head: LogHead, signer: DocumentSigner): string {
  return writeDocument(head, signer, LOG_HEAD)
}

export function writeSuspensionList(list: SuspensionList, signer: DocumentSigner): string {
  return writeDocument(list, signer, SUSPENSION_LIST)
}

export function writeDocument(payload: object, signer: DocumentSigner, kind: DocumentKind): string {
  const signed = signedPart(payload, signer, kind)
  return `${signed}.${signer.sign(Buffer.from(signed)).toString('base64url')}`
}

/** `sign` returns an RSA value, or DER of an ECDSA one. */
export function writeDirectory(
  q: Parameters<typeof prepareDirectory>[0] & { sign(data: Buffer): Buffer },
): Buffer {
  const { toBeSigned, finish } = prepareDirectory(q)
  return finish(q.sign(toBeSigned))
}

export function writeSharedParameters(p: SharedParameters, version: 4 | 5 | 6): Buffer {
  return writeSharedParametersIn(p, [version])[0]!
}
