/** Which requests are approved automatically once they are verified: none, unless a rule says so. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { useClasses } from '../members/page.tsx'
import { KINDS, kindName } from './request.tsx'

type Rule = { kind: string; memberClass: string }

export function AutomaticApprovals() {
  const rules = useAnswer<Rule[]>('getAutomaticApprovals')
  const classes = useClasses()
  const kinds = KINDS.map((value) => ({ value, title: kindName(value) }))
  const all = { value: '', title: text('common.all') }
  return (
    <>
      <Head
        title={text('automatic.title')}
        lead={
          <>
            {text('automatic.lead')} <Link to="/management-requests">{text('requests.title')}</Link>
          </>
        }
        acts={
          <Act
            operation="setAutomaticApproval"
            button={text('automatic.add')}
            look="primary"
            title={text('automatic.add')}
            consequence={<p>{text('automatic.addConsequence')}</p>}
            fields={[
              {
                name: 'kind',
                title: 'requests.kind',
                type: 'select',
                options: kinds,
              },
              { name: 'memberClass', title: 'members.class', type: 'select', options: classes },
            ]}
            send={({ kind, memberClass }, call) =>
              call('setAutomaticApproval', {
                params: { kind: String(kind), memberClass: String(memberClass) },
              })
            }
            result={() => <p>{text('automatic.added')}</p>}
          />
        }
      />
      <Show of={rules}>
        {(rows) => (
          <HeldTable<Rule>
            caption={text('automatic.title')}
            rows={rows}
            rowKey={({ kind, memberClass }) => `${kind} ${memberClass}`}
            filters={[
              {
                ...{ name: 'kind', title: 'requests.kind', options: [all, ...kinds] },
                fits: ({ kind }, value) => kind === value,
              },
              {
                ...{ name: 'memberClass', title: 'members.class', options: [all, ...classes] },
                fits: ({ memberClass }, value) => memberClass === value,
              },
            ]}
            columns={[
              { title: 'requests.kind', cell: ({ kind }) => kindName(kind) },
              { title: 'members.class', cell: ({ memberClass }) => <bdi class="id">{memberClass}</bdi> },
              { title: 'common.acts', acts: ['deleteAutomaticApproval'], cell: (one) => <End of={one} /> },
            ]}
            empty={<p>{text('automatic.empty')}</p>}
          />
        )}
      </Show>
    </>
  )
}

function End({ of: { kind, memberClass } }: { of: Rule }) {
  const title = text('automatic.deleteThis', { kind: kindName(kind), memberClass })
  return (
    <div class="acts">
      <Act
        operation="deleteAutomaticApproval"
        button={text('automatic.delete')}
        label={title}
        title={title}
        consequence={<p>{text('automatic.deleteConsequence')}</p>}
        send={(_, call) => call('deleteAutomaticApproval', { params: { kind, memberClass } })}
        result={() => <p>{text('automatic.deleted')}</p>}
      />
    </div>
  )
}
