/**
 * The keys that sign the configuration: one is active; others are announced and may sign from some time on,
 * or are retired.
 */
import type { ComponentChildren } from 'preact'
import { Act } from '../../kit/act.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Part } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { Empty } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

export type SigningKey = {
  id: string
  state: 'ANNOUNCED' | 'ACTIVE' | 'RETIRED'
  /** From when on every up-to-date server knows the key; null before a publication names it. */
  knownFrom: string | null
  known: boolean
  /** Where the private key is; null when its file is not on this node. */
  token: 'software' | 'token' | null
  createdAt: string
  algorithm: string
  certificateSha256: string
  notAfter: string
}

const ALGORITHMS = ['P-256', 'RSA-2048', 'RSA-3072']
const STATES: Record<SigningKey['state'], { tone: Tone; word: TextKey }> = {
  ANNOUNCED: { tone: 'warn', word: 'status.announced' },
  ACTIVE: { tone: 'good', word: 'status.signs' },
  RETIRED: { tone: 'quiet', word: 'status.retired' },
}
const PLACES = {
  software: 'signingKeys.inFile',
  token: 'signingKeys.onToken',
  nowhere: 'signingKeys.notHere',
} as const

/**
 * A choice for a key that servers do not know yet: activating it at once cuts them off. Texts are there only
 * once a page is shown.
 */
const forced = (): Field[] => [
  {
    name: 'force',
    title: 'signingKeys.when',
    type: 'select',
    options: [
      { value: 'false', title: text('signingKeys.whenKnown') },
      { value: 'true', title: text('signingKeys.atOnce') },
    ],
  },
]

/** `on` is where the key is made; in a file by default. */
export function AddSigningKey({
  button,
  consequence,
  on,
}: {
  button: string
  consequence: string
  on?: 'token'
}) {
  return (
    <Act<SigningKey>
      operation="addSigningKey"
      button={button}
      title={button}
      consequence={<p>{consequence}</p>}
      fields={[
        {
          name: 'algorithm',
          title: 'signingKeys.algorithm',
          type: 'select',
          initial: 'P-256',
          options: ALGORITHMS.map((value) => ({ value, title: value })),
        },
      ]}
      send={(body, call) => call('addSigningKey', { body: on === undefined ? body : { ...body, token: on } })}
      result={() => <p>{text('signingKeys.added')}</p>}
    />
  )
}

export function SigningKeys({ keys }: { keys: SigningKey[] }) {
  return (
    <Part
      title={text('signingKeys.title')}
      acts={
        <AddSigningKey button={text('signingKeys.add')} consequence={text('signingKeys.addConsequence')} />
      }
    >
      {keys.length === 0 ? (
        <Empty>
          <p>{text('signingKeys.empty')}</p>
        </Empty>
      ) : (
        <Rows<SigningKey>
          caption={text('signingKeys.title')}
          rows={keys}
          rowKey={({ id }) => id}
          columns={[
            {
              title: 'certificate.state',
              cell: (key) => (
                <>
                  <Status {...STATES[key.state]} />
                  <SignsFrom of={key} />
                </>
              ),
            },
            { title: 'common.id', cell: ({ id }) => <Copyable value={id} /> },
            { title: 'signingKeys.algorithm', cell: ({ algorithm }) => algorithm },
            { title: 'signingKeys.lies', cell: ({ token }) => text(PLACES[token ?? 'nowhere']) },
            { title: 'common.createdAt', cell: ({ createdAt }) => <Time at={createdAt} /> },
            { title: 'certificate.notAfter', cell: ({ notAfter }) => <Time at={notAfter} /> },
            {
              title: 'common.acts',
              acts: ['activateSigningKey', 'deleteSigningKey'],
              cell: (key) => key.state !== 'ACTIVE' && <KeyActs of={key} />,
            },
          ]}
        />
      )}
    </Part>
  )
}

function SignsFrom({ of }: { of: SigningKey }) {
  if (of.state !== 'ANNOUNCED') return null
  const { known, knownFrom } = of
  let when: ComponentChildren = text('signingKeys.mayNow')
  if (knownFrom === null) when = text('signingKeys.unpublished')
  else if (!known)
    when = (
      <>
        {text('signingKeys.mayFrom')} <Time at={knownFrom} relative />
      </>
    )
  return <div class="beside">{when}</div>
}

function KeyActs({ of }: { of: SigningKey }) {
  const { id } = of
  const params = { id }
  const known = of.known || of.state === 'RETIRED'
  return (
    <div class="acts">
      <Act
        operation="activateSigningKey"
        button={text('signingKeys.activate')}
        label={text('signingKeys.activateThis', { id })}
        title={text('signingKeys.activate')}
        consequence={
          <p>{text(known ? 'signingKeys.activateConsequence' : 'signingKeys.activateEarlyConsequence')}</p>
        }
        {...(known ? {} : { fields: forced() })}
        send={({ force }, call) =>
          call('activateSigningKey', { params, ...(force === 'true' && { query: { force: 'true' } }) })
        }
        result={() => <p>{text('signingKeys.activated')}</p>}
      />
      <Act
        operation="deleteSigningKey"
        button={text('signingKeys.delete')}
        label={text('signingKeys.deleteThis', { id })}
        title={text('signingKeys.delete')}
        consequence={<p>{text('signingKeys.deleteConsequence')}</p>}
        nameToType={id.slice(0, 8)}
        send={(_, call) => call('deleteSigningKey', { params })}
        result={() => <p>{text('signingKeys.deleted')}</p>}
      />
    </div>
  )
}
