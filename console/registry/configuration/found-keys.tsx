/**
 * Keys on the open signing token that other tools made: the registry can announce those that it understands.
 */
import { Act } from '../../kit/act.tsx'
import { useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import type { SigningKey } from './signing-keys.tsx'

type FoundKey = { objectId: string; label: string; algorithm?: string; unfit?: string }

export function FoundSigningKeys() {
  return useMay('getFoundSigningKeys') ? <Found /> : null
}

function Found() {
  const found = useAnswer<FoundKey[]>('getFoundSigningKeys')
  return (
    <Part title={text('certs.found')}>
      <p>{text('signingToken.foundLead')}</p>
      <Show of={found}>
        {(all) => (
          <HeldTable<FoundKey>
            caption={text('certs.found')}
            rows={all}
            rowKey={({ objectId }) => objectId}
            columns={[
              {
                title: 'signingToken.key',
                cell: ({ label, objectId }) => (
                  <>
                    <bdi>{label}</bdi> <bdi class="id beside">{objectId}</bdi>
                  </>
                ),
              },
              {
                title: 'signingKeys.algorithm',
                cell: ({ algorithm }) => algorithm ?? text('certs.otherAlgorithm'),
              },
              {
                title: 'common.acts',
                acts: ['adoptSigningKey'],
                cell: (one) =>
                  one.unfit === undefined ? (
                    <Adopt of={one} />
                  ) : (
                    <>
                      <Status tone="quiet" word="certs.unfit" /> <span class="wrap">{one.unfit}</span>
                    </>
                  ),
              },
            ]}
            empty={<p>{text('certs.noneFound')}</p>}
          />
        )}
      </Show>
    </Part>
  )
}

function Adopt({ of: { objectId, label } }: { of: FoundKey }) {
  const title = text('signingToken.adoptThis', { name: label === '' ? objectId : label })
  return (
    <div class="acts">
      <Act<SigningKey>
        operation="adoptSigningKey"
        button={text('signingToken.adopt')}
        label={title}
        title={title}
        consequence={<p>{text('signingToken.adoptConsequence')}</p>}
        send={(_, call) => call('adoptSigningKey', { params: { objectId } })}
        result={({ id }) => <p>{text('signingToken.adopted', { id })}</p>}
      />
    </div>
  )
}
