/** What approving an act would change: the values with which it is called, and the person meant. */
import { Facts, Part } from '../../kit/facts.tsx'
import { PersonState } from '../../kit/person.tsx'
import { operationName, type WholeProposal } from '../../kit/proposal.tsx'
import { roleName } from '../../kit/roles.tsx'
import { type TextKey, text, textIfAny } from '../../kit/text.ts'
import { Uploaded } from '../../kit/uploaded.tsx'

type Parsed = {
  params: Record<string, string>
  query: Record<string, unknown>
  body?: { json: Record<string, unknown> } | { base64: string }
}

export function Content({ of }: { of: WholeProposal }) {
  const { params, query, body } = JSON.parse(of.content) as Parsed
  const json = body !== undefined && 'json' in body ? body.json : {}
  // Each by itself: a field of the body must not hide one of the path.
  const fields = [params, query, json].flatMap((one, at) =>
    Object.entries(one).map(([name, value]) => ({ key: `${at} ${name}`, name, value })),
  )
  const { person } = of.explained
  return (
    <>
      <Part title={text(of.state === 'approved' ? 'proposals.changed' : 'proposals.change')}>
        <p>{operationName(of.operation)}</p>
        <dl class="facts">
          {fields.map(({ key, name, value }) => (
            <div key={key}>
              <dt>{titleOf(of.operation, name)}</dt>
              <dd>
                <bdi class="wrap">{wordsOf(name, value)}</bdi>
              </dd>
            </div>
          ))}
        </dl>
      </Part>
      {body !== undefined && 'base64' in body && <Uploaded base64={body.base64} of={of} />}
      {person !== undefined && (
        <Part title={text('proposals.person')}>
          <Facts
            of={[
              ['people.name', <bdi key="name">{person.name}</bdi>],
              ['people.state', <PersonState key="state" state={person.state} />],
              ['people.rolesNow', person.roles.map(roleName).join(', ')],
            ]}
          />
        </Part>
      )}
    </>
  )
}

/** The name of a field in words; its name in the API when the catalogue has none. */
function titleOf(operation: string, name: string): string {
  return textIfAny(`field.${name}.${operation}`) ?? textIfAny(`field.${name}`) ?? name
}

/** Values that mean something only to programs. */
const WORDS: Record<string, TextKey> = {
  true: 'common.yes',
  false: 'common.no',
  PROOF_KEPT: 'retention.proofKept',
  LEAF_ONLY: 'retention.leafOnly',
  CONTAINERS: 'retention.containers',
  TOMBSTONES: 'retention.tombstones',
  NONE: 'retention.noArchive',
}

function wordsOf(name: string, value: unknown): string {
  if (['atEnd', 'archive', 'mode'].includes(name) || typeof value === 'boolean') {
    const word = WORDS[String(value)]
    if (word !== undefined) return text(word)
  }
  if (name === 'keepDays')
    return value === null ? text('retention.keeps') : text('retention.days', { count: Number(value) })
  if (Array.isArray(value)) return value.map((one) => wordsOf(name, one)).join(', ')
  if (typeof value === 'string') return name === 'roles' ? roleName(value) : value
  return JSON.stringify(value)
}
