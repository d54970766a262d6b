/** The scope of an audit order: whose exchanges, by which criteria, when. */
import type { AuditScope } from '#schemas/audit-order.ts'
import { NamedOnDemand } from './named.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'

export function OrderScope({ of }: { of: AuditScope }) {
  const named = [...(of.parties ?? []), ...(of.services ?? [])]
  const narrowed = [
    ...(of.contract === undefined ? [] : [text('auditOrders.ofContract', { contract: of.contract })]),
    ...(of.purposes ?? []).map((purpose) => text('auditOrders.ofPurpose', { purpose })),
    ...(of.endpoints ?? []).map((endpoint) => text('auditOrders.ofEndpoint', { endpoint })),
  ]
  return (
    <>
      {named.length === 0
        ? text('auditOrders.everybody')
        : named.map((id) => (
            <p key={id}>
              <NamedOnDemand id={id.split('/').join(':')} />
            </p>
          ))}
      {narrowed.length > 0 && (
        <ul>
          {narrowed.map((one) => (
            <li key={one}>
              <bdi class="wrap">{one}</bdi>
            </li>
          ))}
        </ul>
      )}
      {narrowed.length === 0 && named.length === 0 && <br />}
      <Time at={of.from} /> – <Time at={of.to} />
    </>
  )
}
