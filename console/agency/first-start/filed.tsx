/** A request that this server filed with the registry, as a step waits for it. */
import { Link } from '../../kit/address.tsx'
import { Facts } from '../../kit/facts.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Filed, FiledStateOf } from '../requests/filed.tsx'
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
        ['common.state', <FiledStateOf key="state" of={of as Pick<Filed, 'state'>} />],
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
