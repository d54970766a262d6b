/** The hosting mandates in force that name a member, as either party. */
import { Link } from '../../kit/address.tsx'
import { Part } from '../../kit/facts.tsx'
import { totalOf, useAnswer } from '../../kit/load.ts'
import { FirstOf } from '../../kit/paging.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { text } from '../../kit/text.ts'
import { MANDATE_COLUMNS, type Mandate } from './mandate.tsx'

const SHOWN = '50'

export function HostingOf({ member }: { member: string }) {
  const mandates = useAnswer<Mandate[]>('getHostingMandates', {
    query: { member, state: 'inForce', limit: SHOWN },
  })
  return (
    <Part title={text('hosting.title')} acts={<Link to="/hosting-mandates">{text('hosting.all')}</Link>}>
      <Show of={mandates}>
        {(rows) =>
          rows.length === 0 ? (
            <p>{text('hosting.emptyOfMember')}</p>
          ) : (
            <>
              <Rows<Mandate>
                caption={text('hosting.title')}
                rows={rows}
                rowKey={({ id }) => id}
                columns={MANDATE_COLUMNS}
              />
              <FirstOf
                shown={rows.length}
                total={totalOf(mandates)}
                all={`/hosting-mandates?q=${encodeURIComponent(member)}`}
              />
            </>
          )
        }
      </Show>
    </Part>
  )
}
