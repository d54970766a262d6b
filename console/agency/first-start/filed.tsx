/** A request that this server filed with the registry, as a step waits for it. */
import { Link } from '../../kit/address.tsx'
import { Facts } from '../../kit/facts.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Filed as FiledRequest, FiledStateOf } from '../requests/filed.tsx'
import { Refresh } from '../settings/anchor.tsx'
import type { About } from './shapes.ts'

export function FiledFacts({ of }: { of: About['filed'] }) {
  if (of === undefined) return null
  return (
    <Facts
      of={[
        [
          'requests.number',
          <Link key="number" to="/requests">
            {text('firstStart.request', { number: String(of.request) })}
          </Link>,
        ],
        ['common.state', <FiledStateOf key="state" of={of as Pick<FiledRequest, 'state'>} />],
        ['requests.filedAt', <Time key="at" at={of.filedAt} relative />],
        ...(of.reason === undefined
          ? []
          : ([
              [
                'firstStart.reason',
                <span key="why" class="wrap">
                  {of.reason}
                </span>,
              ],
            ] as never)),
      ]}
    />
  )
}

/** What is approved comes with the configuration, which can be fetched at once. */
export function Filed({ of, isApproved }: { of: About['filed']; isApproved: boolean }) {
  return (
    <>
      <FiledFacts of={of} />
      {isApproved && (
        <div class="acts inner">
          <Refresh />
        </div>
      )}
    </>
  )
}
