/**
 * The fields of a record of operational data, as the published schema of X-Road 7.8 names them, and which of
 * them are told to whom.
 */

const FIELDS = [
  ...['monitoringDataTs', 'securityServerInternalIp', 'securityServerType'],
  ...['requestInTs', 'requestOutTs', 'responseInTs', 'responseOutTs'],
  ...['clientXRoadInstance', 'clientMemberClass', 'clientMemberCode', 'clientSubsystemCode'],
  ...['serviceXRoadInstance', 'serviceMemberClass', 'serviceMemberCode', 'serviceSubsystemCode'],
  ...['serviceCode', 'restMethod', 'restPath', 'serviceVersion'],
  ...['representedPartyClass', 'representedPartyCode'],
  ...['messageId', 'messageUserId', 'messageIssue', 'messageProtocolVersion'],
  ...['clientSecurityServerAddress', 'serviceSecurityServerAddress'],
  ...['requestSize', 'requestMimeSize', 'requestAttachmentCount'],
  ...['responseSize', 'responseMimeSize', 'responseAttachmentCount'],
  ...['succeeded', 'serviceType', 'faultCode', 'faultString', 'statusCode', 'xRoadVersion', 'xRequestId'],
] as const

export type Field = (typeof FIELDS)[number]

/** A field that does not apply is absent. */
export type OperationalRecord = Partial<Record<Field, string | number | boolean>>

const KNOWN: ReadonlySet<string> = new Set(FIELDS)

/** For the owner and the monitoring client alone: it says how a network is built inside. */
const INTERNAL: Field = 'securityServerInternalIp'

export function isField(name: string): name is Field {
  return KNOWN.has(name)
}

/** The parts of the record that `fields` name; all of them when it is empty. */
export function partsOf(
  record: OperationalRecord,
  fields: ReadonlySet<Field>,
  isAll: boolean,
): OperationalRecord {
  const kept = Object.entries(record).filter(
    ([name]) => (fields.size === 0 || fields.has(name as Field)) && (isAll || name !== INTERNAL),
  )
  return Object.fromEntries(kept)
}
