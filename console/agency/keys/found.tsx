/** Keys on a hardware token that other tools made: this server can sign with those that it understands. */
import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { type Key, keyPath } from './shapes.ts'

type FoundKey = { objectId: string; label: string; algorithm?: string; unfit?: string }

export function FoundPage({ params }: { params: Record<string, string> }) {
  const tokenId = params['id'] ?? ''
  const found = useAnswer<FoundKey[]>('getFoundKeys', { params: { tokenId } })
  return (
    <Show of={found} page="certs.found">
      {(all) => (
        <>
          <Head
            title={text('certs.found')}
            lead={text('certs.foundLead')}
            acts={<Link to="/keys">{text('certs.back')}</Link>}
          />
          <HeldTable<FoundKey>
            caption={text('certs.found')}
            rows={all}
            rowKey={({ objectId }) => objectId}
            search="certs.searchFound"
            words={({ label, objectId }) => `${label} ${objectId}`}
            columns={[
              {
                title: 'certs.label',
                cell: ({ label, objectId }) => (
                  <>
                    <bdi>{label}</bdi> <bdi class="id beside">{objectId}</bdi>
                  </>
                ),
              },
              {
                title: 'certs.algorithm',
                cell: ({ algorithm }) => algorithm ?? text('certs.otherAlgorithm'),
              },
              {
                title: 'common.acts',
                acts: ['adoptKey'],
                cell: (one) =>
                  one.unfit === undefined ? (
                    <Adopt tokenId={tokenId} of={one} />
                  ) : (
                    <>
                      <Status tone="quiet" word="certs.unfit" /> <span class="wrap">{one.unfit}</span>
                    </>
                  ),
              },
            ]}
            empty={<p>{text('certs.noneFound')}</p>}
          />
        </>
      )}
    </Show>
  )
}

function Adopt({ tokenId, of }: { tokenId: string; of: FoundKey }) {
  return (
    <Act<Key>
      operation="adoptKey"
      button={text('certs.adopt')}
      label={text('certs.adoptThis', { name: of.label })}
      title={text('certs.adoptThis', { name: of.label })}
      consequence={<p>{text('certs.adoptConsequence')}</p>}
      fields={[
        { name: 'label', title: 'certs.label', hint: 'certs.labelHint', initial: of.label, maxLength: 255 },
      ]}
      send={({ label }, call) =>
        call('adoptKey', {
          params: { tokenId, objectId: of.objectId },
          body: { label: String(label).trim() },
        })
      }
      result={() => <p>{text('certs.adopted')}</p>}
      then={({ id }) => goTo(keyPath(id))}
    />
  )
}
