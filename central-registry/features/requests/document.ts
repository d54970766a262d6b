/**
 * Reads signed documents: exactly the fields of their kind, each within its limits, with ids in their
 * canonical text form; pure.
 */
import { Fault } from '#schemas/fault.ts'
import { checkNewCode, idText, parseClientId, parseMemberId, parseServerId } from '#schemas/identifiers.ts'
import {
  type DocumentHead,
  type FiledRequest,
  REQUEST_KINDS,
  type RequestKind,
  type RequestSubject,
  type Revocation,
  type StatusQuery,
} from '#schemas/management-request.ts'
import { checkName } from '../../members/rules.ts'
import { checkAddress } from '../../servers/rules.ts'

type Field = Exclude<keyof RequestSubject, 'kind' | 'server'>

/** The fields of each kind in addition to `server`; a question mark marks an optional one. */
const FIELDS: Record<RequestKind, (Field | `${Field}?`)[]> = {
  authCertReg: ['certificate', 'address'],
  authCertDeletion: ['certificateSha256'],
  clientReg: ['client', 'subsystemName?'],
  clientDeletion: ['client'],
  clientDisable: ['client'],
  clientEnable: ['client'],
  clientRename: ['client', 'subsystemName'],
  ownerChange: ['newOwner'],
  addressChange: ['address'],
  maintenanceModeEnable: ['message?'],
  maintenanceModeDisable: [],
}

const CHECKS: Record<Field, (text: string) => unknown> = {
  client: (text) => checkCanonical(text, idText(parseClientId(text))),
  newOwner: (text) => checkCanonical(text, idText(parseMemberId(text))),
  subsystemName: checkName,
  message: checkName,
  address: checkAddress,
  certificate: (text) => checkCanonical(text, Buffer.from(text, 'base64').toString('base64')),
  certificateSha256: (text) => {
    if (!/^[0-9a-f]{64}$/.test(text)) throw refused('certificateSha256 is 64 lower-case hexadecimal digits')
  },
}

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const MAX_TEXT = 16 * 1024

/** Reads a request of any kind. Throws `invalid_input` or the fault of the field. */
export function readFiledRequest(document: unknown): FiledRequest {
  const { head, server, more } = readDocument(document)
  const kind = REQUEST_KINDS.find((one) => one === more['kind'])
  if (kind === undefined) throw refused('the kind is not known')
  delete more['kind']
  const subject: RequestSubject = { kind, server }
  for (const entry of FIELDS[kind]) {
    const field = entry.replace('?', '') as Field
    const value = more[field]
    delete more[field]
    if (value === undefined && entry !== field) continue
    if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT)
      throw refused(`${field} is missing or no text`)
    CHECKS[field](value)
    subject[field] = value
  }
  checkNothingMore(more)
  checkNewServer(subject)
  return { ...head, ...subject }
}

export function readStatusQuery(document: unknown): StatusQuery {
  const { head, server, more } = readDocument(document)
  checkNothingMore(more)
  return { ...head, server }
}

export function readRevocation(document: unknown): Revocation {
  const { head, server, more } = readDocument(document)
  const { request, ...rest } = more
  checkNothingMore(rest)
  if (typeof request !== 'number' || !Number.isSafeInteger(request) || request < 1)
    throw refused('request is the number of a request')
  return { ...head, server, request }
}

function readDocument(document: unknown): {
  head: DocumentHead
  server: string
  more: Record<string, unknown>
} {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw refused('an object is needed')
  const { id, createdAt, signer, server, ...more } = document as Record<string, unknown>
  if (typeof id !== 'string' || !ID.test(id)) throw refused('id is a UUID in lower case')
  if (typeof createdAt !== 'string' || !TIME.test(createdAt) || Number.isNaN(Date.parse(createdAt)))
    throw refused('createdAt is a time in UTC with milliseconds')
  if (typeof signer !== 'string' || typeof server !== 'string') throw refused('signer and server are needed')
  checkCanonical(signer, idText(parseMemberId(signer)))
  checkCanonical(server, idText(parseServerId(server)))
  return { head: { id, createdAt, signer }, server, more }
}

/** New codes follow the register's rules from the start, because an approval adds them. */
function checkNewServer({ kind, server, client }: RequestSubject): void {
  if (kind === 'authCertReg') checkNewCode(parseServerId(server).serverCode)
  const { subsystemCode } = client === undefined ? {} : parseClientId(client)
  if (kind === 'clientReg' && subsystemCode !== undefined) checkNewCode(subsystemCode)
}

/** Each id has only one accepted text, so that texts can be compared. */
function checkCanonical(text: string, canonical: string): void {
  if (text !== canonical) throw refused('an id or a certificate is not in its canonical form')
}

function checkNothingMore(more: object): void {
  const name = Object.keys(more)[0]
  if (name !== undefined) throw refused(`${JSON.stringify(name.slice(0, 40))} is not a field of this kind`)
}

function refused(what: string): Fault {
  return new Fault('invalid_input', { what })
}
