/**
 * Reads and checks audit orders: exactly the fields of the form, within bounds, signed by the one key that is
 * pinned for the authority, and for this instance. The caller checks that the order arrives in time and for
 * the first time.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import {
  fieldsOf,
  integer,
  isoTime,
  list,
  optional,
  pattern,
  plainText,
  record,
  serverId,
  unique,
} from '#core/contract/fields.ts'
import { uuid } from '#core/contract/read-content.ts'
import { readSignedJson } from '#core/signature/signed-json.ts'
import {
  AUDIT_DOCUMENT,
  AUDIT_FORM,
  AUDIT_LIMITS,
  type AuditOrder,
  type AuditScope,
} from '#schemas/audit-order.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseClientId, parseServiceId } from '#schemas/identifiers.ts'
import { formOf } from './in-scope.ts'

/** Who may order audits, with the SHA-256 (hex) of the certificate that signs the orders. */
export type Authority = { name: string; certificateSha256: string }

export type VerifiedOrder = { order: AuditOrder; sha256: string }

const DAY_MS = 86_400_000
const CLOCKS_DIFFER_MS = 5 * 60_000
const key = pattern(/^[A-Za-z0-9+/]{43}=$/, 'base64 of 32 octets')

const contract = pattern(
  /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?:\/[1-9]\d{0,6})?$/,
  'the UUID of a contract, perhaps with a version',
)

const scope = record<AuditScope>({
  parties: optional(
    unique(
      list(
        canonical((text) => idText(parseClientId(text))),
        1,
        AUDIT_LIMITS.parties,
      ),
      same,
    ),
  ),
  services: optional(
    unique(
      list(
        canonical((text) => idText(parseServiceId(text))),
        1,
        AUDIT_LIMITS.parties,
      ),
      same,
    ),
  ),
  contract: optional(contract),
  purposes: optional(unique(list(plainText(2000), 1, AUDIT_LIMITS.purposes), same)),
  endpoints: optional(unique(list(plainText(1100), 1, AUDIT_LIMITS.endpoints), same)),
  from: isoTime,
  to: isoTime,
})

const form = record<AuditOrder>({
  version: optional((value, at) => {
    if (value !== AUDIT_FORM) throw new Fault('invalid_contract', { what: `${at} is not ${AUDIT_FORM}` })
    return AUDIT_FORM
  }),
  id: uuid,
  createdAt: isoTime,
  instance: plainText(255),
  authority: plainText(100),
  case: plainText(100),
  legalBasis: plainText(500),
  deadline: isoTime,
  servers: unique(list(serverId, 1, AUDIT_LIMITS.servers), same),
  scope,
  sample: integer(0, AUDIT_LIMITS.sample),
  recipient: key,
})

/**
 * Reads a signed order. Throws `audit_order_refused`, `malformed_json`, `malformed_signature` or
 * `invalid_signature_value`.
 */
export function readOrder(
  bytes: Buffer,
  q: { authorities: readonly Authority[]; instance: string },
): VerifiedOrder {
  const { document, signatures } = readSignedJson(bytes, AUDIT_DOCUMENT.order, AUDIT_LIMITS.orderBytes)
  const order = checkOrder(document)
  if (order.instance !== q.instance) throw refused(`it is for the instance ${order.instance}`)
  const pinned = q.authorities.find(({ name }) => name === order.authority)
  const [signature, ...more] = signatures
  if (pinned === undefined) throw refused(`no authority ${order.authority} is known here`)
  if (more.length > 0 || signature!.certificate.sha256 !== pinned.certificateSha256.toLowerCase())
    throw refused(`it is not signed by the key that is known for ${order.authority}`)
  return { order, sha256: orderHash(order) }
}

/** Checks the fields of an order, each alone and against one another. Throws `audit_order_refused`. */
export function checkOrder(document: unknown): AuditOrder {
  checkForm(document)
  const order = asOrder(() => form(document, 'order'))
  if (formOf(order.scope) > (order.version ?? 1))
    throw refused(`a scope like this takes the form ${formOf(order.scope)}, which the order does not name`)
  const at = Object.fromEntries(
    (['createdAt', 'deadline'] as const).map((name) => [name, Date.parse(order[name])]),
  ) as { createdAt: number; deadline: number }
  const { from, to } = order.scope
  if (from >= to) throw refused('scope.from does not lie before scope.to')
  if (Date.parse(to) - Date.parse(from) > AUDIT_LIMITS.days * DAY_MS)
    throw refused(`its scope is of more than ${AUDIT_LIMITS.days} days`)
  if (at.deadline <= at.createdAt) throw refused('its deadline lies before it was made')
  if (at.deadline - at.createdAt > AUDIT_LIMITS.deadlineDays * DAY_MS)
    throw refused(`its deadline is more than ${AUDIT_LIMITS.deadlineDays} days away`)
  if (Buffer.from(order.recipient, 'base64').toString('base64') !== order.recipient)
    throw refused('recipient is no base64')
  return order
}

/** A newer form may narrow the scope in a way that this version does not know. */
function checkForm(document: unknown): void {
  const { version } = Object(document) as { version?: unknown }
  if (typeof version === 'number' && version > AUDIT_FORM)
    throw refused(`it is of a newer form, and forms up to ${AUDIT_FORM} are known here: update this server`)
}

/**
 * Throws `audit_order_refused` if the deadline is over, or if the order was made more than five minutes in
 * the future.
 */
export function checkInTime({ createdAt, deadline }: AuditOrder, now: number): void {
  if (Date.parse(createdAt) > now + CLOCKS_DIFFER_MS) throw refused('it was made in the future')
  if (Date.parse(deadline) <= now) throw refused(`its deadline, ${deadline}, is over`)
}

/**
 * The fields that orders of every form have. An answer needs them to refuse an order that cannot be read any
 * further.
 */
export type OrderHead = Pick<AuditOrder, 'id' | 'authority' | 'case' | 'deadline'> & { sha256: string }

/** Throws `audit_order_refused` if the document is not an order of any form. */
export function readHead(document: unknown): OrderHead {
  return asOrder(() => {
    const { id, authority, case: number, deadline } = fieldsOf(document, 'order')
    return {
      id: uuid(id, 'order.id'),
      authority: plainText(100)(authority, 'order.authority'),
      case: plainText(100)(number, 'order.case'),
      deadline: isoTime(deadline, 'order.deadline'),
      sha256: orderHash(document as AuditOrder),
    }
  })
}

/** Undefined for an order that `checkOrder` refuses, for instance one of an unknown form. */
export function readableOrder(document: unknown): AuditOrder | undefined {
  try {
    return checkOrder(document)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'audit_order_refused') return undefined
    throw thrown
  }
}

/** Identifies an order: SHA-256, hex, of its RFC 8785 JSON. */
export function orderHash(order: AuditOrder): string {
  return createHash('sha256').update(canonicalJson(order)).digest('hex')
}

function canonical(text: (given: string) => string) {
  return (value: unknown, at: string): string => {
    if (typeof value !== 'string' || value.length > 1400 || text(value) !== value)
      throw new Fault('invalid_contract', { what: `${at} is not in its canonical form` })
    return value
  }
}

function same(one: string): string {
  return one
}

/**
 * The field readers were made for contracts and throw `invalid_contract`; this turns their faults into
 * `audit_order_refused`.
 */
function asOrder<R>(read: () => R): R {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code !== 'audit_order_refused')
      throw refused(thrown.what ?? thrown.message)
    throw thrown
  }
}

function refused(what: string): Fault {
  return new Fault('audit_order_refused', { what })
}
