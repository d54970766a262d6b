/** What approving an act would change: the values with which it is called, and the person meant. */
import { Facts, Part } from '../../kit/facts.tsx'
import { GivenValues } from '../../kit/given-values.tsx'
import { type Person, PersonState } from '../../kit/person.tsx'
import { operationName, type WholeProposal } from '../../kit/proposal.tsx'
import { RETENTION_WORDS } from '../../kit/retention-words.ts'
import { roleName } from '../../kit/roles.tsx'
import { text, textIfAny } from '../../kit/text.ts'
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
                <Value name={name} of={value} person={person} />
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

function Value({ name, of: value, person }: { name: string; of: unknown; person: Person | undefined }) {
  if (person !== undefined && value === person.id)
    return (
      <span class="named">
        <bdi>{person.name}</bdi> <bdi class="id beside">{person.id}</bdi>
      </span>
    )
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return <GivenValues of={value} />
  return <bdi class="wrap">{wordsOf(name, value)}</bdi>
}

function wordsOf(name: string, value: unknown): string {
  if (typeof value === 'boolean') return text(value ? 'common.yes' : 'common.no')
  if (['atEnd', 'archive', 'mode'].includes(name)) {
    const word = RETENTION_WORDS[String(value)]
    if (word !== undefined) return text(word)
  }
  if (name === 'keepDays')
    return value === null ? text('retention.keeps') : text('retention.days', { count: Number(value) })
  if (Array.isArray(value)) return value.map((one) => wordsOf(name, one)).join(', ')
  if (typeof value === 'string') return name === 'roles' ? roleName(value) : value
  return JSON.stringify(value)
}
