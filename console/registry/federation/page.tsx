/** Other instances: the external anchors that this instance trusts, has examined, or trusted earlier. */
import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Head } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type ExternalAnchor, ReadingOf, STATES, StateOf } from './anchor.tsx'

export function Federation() {
  return (
    <>
      <Head
        title={text('federation.title')}
        lead={text('federation.lead')}
        acts={
          <Act<ExternalAnchor>
            operation="examineExternalAnchor"
            button={text('federation.examine')}
            look="primary"
            title={text('federation.examine')}
            consequence={<p>{text('federation.examineConsequence')}</p>}
            fields={[{ name: 'file', title: 'federation.file', hint: 'federation.fileHint', type: 'file' }]}
            send={({ file }, call) => call('examineExternalAnchor', { body: file as File })}
            result={({ instance, hash }) => (
              <>
                <p>{text('federation.examined', { instance })}</p>
                <p>
                  <Copyable value={hash} label={text('anchors.hash')} />
                </p>
              </>
            )}
            then={({ sha256 }) => goTo(`/external-anchors/${sha256}`)}
          />
        }
      />
      <Table<ExternalAnchor>
        operation="getExternalAnchors"
        caption={text('federation.title')}
        search="federation.search"
        filters={[
          {
            name: 'state',
            title: 'federation.state',
            options: [
              { value: '', title: text('common.all') },
              ...STATES.map((value) => ({ value, title: text(`federation.${value}`) })),
            ],
          },
        ]}
        rowKey={({ sha256 }) => sha256}
        columns={[
          {
            title: 'federation.instance',
            sort: 'instance',
            cell: ({ sha256, instance }) => (
              <Link to={`/external-anchors/${sha256}`}>
                <bdi class="id">{instance}</bdi>
              </Link>
            ),
          },
          { title: 'federation.state', cell: ({ state }) => <StateOf state={state} /> },
          {
            title: 'federation.configuration',
            cell: ({ reading }) => <ReadingOf reading={reading} />,
          },
          {
            title: 'anchors.hash',
            cell: ({ hash }) => <Copyable value={hash} label={text('anchors.hash')} />,
          },
          {
            title: 'federation.examinedAt',
            sort: 'examinedAt',
            cell: ({ examinedAt }) => <Time at={examinedAt} />,
          },
        ]}
        empty={<p>{text('federation.empty')}</p>}
      />
    </>
  )
}
