/**
 * The SOAP of X-Road's management requests: reads a request and writes the answer with its number (pr-mserv,
 * request.xsd); pure.
 */
import {
  branch,
  IDENTIFIERS_NAMESPACE,
  indented,
  type Lines,
  leaf,
  XROAD_NAMESPACE,
} from '#core/configuration/xml-write.ts'
import { type SoapElement, withSoapDocument } from '#core/transport/soap-document.ts'
import { readClient, readServer } from '#core/transport/soap-identifiers.ts'
import { parseSoapMessage, type SoapMessage } from '#core/transport/soap-message.ts'
import { Fault } from '#schemas/fault.ts'
import type { ClientId, ServerId } from '#schemas/identifiers.ts'
import { REQUEST_KINDS, type RequestKind } from '#schemas/management-request.ts'

/** Elements that contain text, in the kinds that have them. */
type TextName = 'address' | 'authCert' | 'dryRun' | 'subsystemName' | 'message'

export type ManagementSoap = {
  header: SoapMessage
  kind: RequestKind
  server: ServerId
  client?: ClientId | undefined
  /**
   * `authCert` is base64 without white space. `dryRun` (X-Road 7.8: check, but change nothing) is `true` or
   * `false`.
   */
  texts: Partial<Record<TextName, string>>
}

/**
 * The elements of each kind in addition to `server`, in X-Road's order; a question mark marks an optional
 * one.
 */
export const FIELDS: Record<RequestKind, ('client' | TextName | `${TextName}?`)[]> = {
  authCertReg: ['address', 'authCert', 'dryRun?'],
  authCertDeletion: ['authCert'],
  clientReg: ['client', 'subsystemName?'],
  clientDeletion: ['client'],
  clientDisable: ['client'],
  clientEnable: ['client'],
  clientRename: ['client', 'subsystemName'],
  ownerChange: ['client'],
  addressChange: ['address'],
  maintenanceModeEnable: ['message?'],
  maintenanceModeDisable: [],
}

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'

/**
 * Throws as parseSoapMessage, `unknown_service` unless `isTaken` accepts the kind, and `invalid_body` for
 * unexpected content.
 */
export async function parseManagementSoap(
  soap: Buffer,
  isTaken: (kind: RequestKind) => boolean,
): Promise<ManagementSoap> {
  const header = await parseSoapMessage(soap)
  const kind = REQUEST_KINDS.find((one) => one === header.service.serviceCode)
  if (kind === undefined || header.isResponse || !isTaken(kind))
    throw new Fault('unknown_service', { what: 'no such management request is taken here' })
  return withSoapDocument(soap, (envelope) => ({ header, kind, ...readBody(envelope, kind) }))
}

function readBody(envelope: SoapElement, kind: RequestKind): Omit<ManagementSoap, 'header' | 'kind'> {
  const request = envelope.children().at(-1)?.children()[0]
  if (request === undefined || request.name !== kind || request.namespace !== XROAD_NAMESPACE)
    throw invalid(`its element is not ${kind}`)
  const fields = new Map<string, SoapElement>()
  for (const child of request.children()) {
    if (child.namespace !== XROAD_NAMESPACE || fields.has(child.name))
      throw invalid('an element is repeated or of another namespace')
    fields.set(child.name, child)
  }
  const take = (name: string): SoapElement | undefined => {
    const field = fields.get(name)
    fields.delete(name)
    return field
  }
  const must = (name: string, field = take(name)): SoapElement => {
    if (field === undefined) throw invalid(`${name} is missing`)
    return field
  }
  const server = readServer(must('server'))
  const texts: ManagementSoap['texts'] = {}
  let client: ClientId | undefined
  for (const entry of FIELDS[kind]) {
    if (entry === 'client') {
      client = readClient(must('client'))
      continue
    }
    const name = entry.replace('?', '') as TextName
    const field = entry === name ? must(name) : take(name)
    if (field !== undefined) texts[name] = canonicalText(name, field.text())
  }
  if (fields.size > 0) throw invalid(`it holds an element that ${kind} does not have`)
  return { server, client, texts }
}

function canonicalText(name: TextName, text: string): string {
  if (name === 'authCert') return text.replace(/[ \t\r\n]+/g, '')
  if (name !== 'dryRun') return text
  const flag = text.trim()
  if (!/^(?:true|false|0|1)$/.test(flag)) throw invalid('dryRun is neither true nor false')
  return String(flag === 'true' || flag === '1')
}

/**
 * The answer of X-Road's central server: the request's header and body, and its number; without a number for
 * a dry run.
 */
export function writeManagementResponse(request: ManagementSoap, number: number | undefined): Buffer {
  const { header, kind, server, client, texts } = request
  const envelope = branch(
    'SOAP-ENV:Envelope',
    [
      ...branch('SOAP-ENV:Header', [
        ...clientElement(header.client),
        ...identifier('xroad:service', 'SERVICE', header.service),
        ...leaf('xroad:userId', header.userId),
        ...leaf('xroad:issue', header.issue),
        ...leaf('xroad:id', header.id),
        ...leaf('xroad:protocolVersion', header.protocolVersion),
      ]),
      ...branch('SOAP-ENV:Body', [
        ...branch(`xroad:${kind}Response`, [
          ...identifier('xroad:server', 'SERVER', server),
          ...(client === undefined ? [] : clientElement(client)),
          ...Object.entries(texts).flatMap(([name, text]) => leaf(`xroad:${name}`, text)),
          ...leaf('xroad:requestId', number),
        ]),
      ]),
    ],
    { 'xmlns:SOAP-ENV': SOAP, 'xmlns:xroad': XROAD_NAMESPACE, 'xmlns:id': IDENTIFIERS_NAMESPACE },
  )
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${indented(envelope)}`)
}

function clientElement(client: ClientId): Lines {
  return identifier('xroad:client', client.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM', client)
}

function identifier(
  name: string,
  type: string,
  id: ClientId & { serviceCode?: string; serviceVersion?: string | undefined; serverCode?: string },
): Lines {
  return branch(
    name,
    [
      ...leaf('id:xRoadInstance', id.instance),
      ...leaf('id:memberClass', id.memberClass),
      ...leaf('id:memberCode', id.memberCode),
      ...leaf('id:subsystemCode', id.subsystemCode),
      ...leaf('id:serviceCode', id.serviceCode),
      ...leaf('id:serviceVersion', id.serviceVersion),
      ...leaf('id:serverCode', id.serverCode),
    ],
    { 'id:objectType': type },
  )
}

function invalid(what: string): Fault {
  return new Fault('invalid_body', { what })
}
