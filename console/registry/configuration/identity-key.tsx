/**
 * The key that goes on with the histories of DIDs: which one it is, how many histories it has taken over, and
 * its replacement.
 */
import { Act } from '../../kit/act.tsx'
import { useMay } from '../../kit/context.ts'
import { Facts, Part } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { number, text } from '../../kit/text.ts'

type IdentityKey =
  | { configured: false }
  | { configured: true; number: number; histories: number; takenOver: number; ofBeforeRestoration: number }

export function IdentityKeyPart() {
  return useMay('getIdentityKey') ? <Shown /> : null
}

/** Texts are there only once a page is shown. */
const copies = (): Field[] => [
  {
    name: 'isLost',
    title: 'identityKey.copies',
    type: 'select',
    options: [
      { value: 'false', title: text('identityKey.isThere') },
      { value: 'true', title: text('identityKey.isLost') },
    ],
  },
]

function Shown() {
  const answer = useAnswer<IdentityKey>('getIdentityKey')
  // Without a public log there are no DIDs, and nothing is shown.
  if (answer.state === 'there' && !answer.data.configured) return null
  const left = answer.state === 'there' && answer.data.configured ? answer.data.ofBeforeRestoration : 0
  return (
    <Part
      title={text('identityKey.title')}
      acts={
        <Act<{ number: number }>
          operation="replaceIdentityKey"
          button={text('identityKey.replace')}
          title={text('identityKey.replace')}
          consequence={
            <>
              <p>{text('identityKey.replaceConsequence')}</p>
              {left > 0 && <p>{text('identityKey.left', { count: left })}</p>}
            </>
          }
          fields={copies()}
          send={({ isLost }, call) => call('replaceIdentityKey', { body: { isLost: isLost === 'true' } })}
          result={() => <p>{text('identityKey.replaced')}</p>}
        />
      }
    >
      <Show of={answer}>
        {(key) =>
          key.configured && (
            <Facts
              of={[
                ['identityKey.number', number(key.number)],
                ['identityKey.histories', number(key.histories)],
                ['identityKey.takenOver', number(key.takenOver)],
                ['identityKey.ofBeforeRestoration', number(key.ofBeforeRestoration)],
              ]}
            />
          )
        }
      </Show>
    </Part>
  )
}
