/** Withdrawing rights: one, or all that somebody has to the services of a client. */
import { Act } from '../../kit/act.tsx'
import type { Api } from '../../kit/api.ts'
import { text } from '../../kit/text.ts'
import { type Ended, EndedInTurn, inTurn } from './in-turn.tsx'
import type { Right, RightTo, Subject } from './shapes.ts'

/** `service` is named where the page is not about this service alone. */
export function Withdraw({
  serviceId,
  service,
  right,
}: {
  serviceId: number
  service?: string
  right: Right
}) {
  const { subjectId, id } = right
  const what = service === undefined ? whatOf(right) : `${service}, ${whatOf(right)}`
  const title = text('rights.withdrawFrom', { subject: subjectId, what })
  return (
    <Act
      operation="deleteAccessRight"
      button={text('rights.withdraw')}
      label={title}
      title={title}
      consequence={<p>{text('rights.withdrawConsequence', { subject: subjectId, what })}</p>}
      send={(_, call) =>
        call('deleteAccessRight', { params: { id: String(serviceId), rightId: String(id) } })
      }
      result={() => <p>{text('rights.withdrawn')}</p>}
    />
  )
}

export function WithdrawAll({ client, from }: { client: string; from: Omit<Subject, 'name'> }) {
  const { subjectId } = from
  const title = text('rights.withdrawAllFrom', { subject: subjectId })
  return (
    <Act<Ended[]>
      operation="deleteAccessRight"
      button={text('rights.withdrawAll')}
      label={title}
      title={title}
      consequence={<p>{text('rights.withdrawAllConsequence', { subject: subjectId, client })}</p>}
      shows
      send={async (_, call) => {
        const rights = await rightsOf(client, from, call)
        return inTurn(
          rights.map((right) => ({
            name: `${right.fullServiceId}, ${whatOf(right)}`,
            send: () =>
              call('deleteAccessRight', {
                params: { id: String(right.serviceId), rightId: String(right.id) },
              }),
          })),
        )
      }}
      result={(ended) => <EndedInTurn of={ended} done="rights.isWithdrawn" />}
    />
  )
}

const PAGE = 500

/** All of them, not only those of one page. */
async function rightsOf(
  clientId: string,
  { subjectType, subjectId }: Omit<Subject, 'name'>,
  call: Api['call'],
): Promise<RightTo[]> {
  const found: RightTo[] = []
  for (;;) {
    const { data, total = 0 } = await call<RightTo[]>('getServiceClientAccessRights', {
      params: { clientId },
      query: { subjectType, subjectId, offset: String(found.length), limit: String(PAGE) },
    })
    found.push(...data)
    if (data.length === 0 || found.length >= total) return found
  }
}

function whatOf({ wholeService, method = '', path = '' }: Right): string {
  return wholeService ? text('rights.wholeService') : `${method} ${path}`
}
