/** Two versions side by side: every field that differs, and on demand those that are equal. */
import { useState } from 'preact/hooks'
import { type State, stateName } from './contract.tsx'
import { Part } from './facts.tsx'
import { Rows } from './rows.tsx'
import { Status } from './status.tsx'
import { type TextKey, text } from './text.ts'
import { Time } from './time.tsx'

type Version = { version: number; state: State; content: object }
type Line = { path: string; before: string | undefined; after: string | undefined }

export function Versions({ of }: { of: Version[] }) {
  const [left, setLeft] = useState(of.at(-2)!.version)
  const [right, setRight] = useState(of.at(-1)!.version)
  const [whole, setWhole] = useState(false)
  const find = (version: number): Version => of.find((one) => one.version === version) ?? of.at(-1)!
  const [before, after] = [leavesOf(find(left).content), leavesOf(find(right).content)]
  const paths = [...new Set([...before.keys(), ...after.keys()])]
  const all = paths.map((path): Line => ({ path, before: before.get(path), after: after.get(path) }))
  const different = all.filter(differs)
  const titles = { before: String(left), after: String(right) }
  return (
    <Part
      title={text('contract.compare')}
      acts={
        <>
          <Pick title="contract.left" of={of} chosen={left} choose={setLeft} />
          <Pick title="contract.right" of={of} chosen={right} choose={setRight} />
          <button type="button" aria-pressed={whole} onClick={() => setWhole(!whole)}>
            {text('contract.alsoSame')}
          </button>
        </>
      }
    >
      <p>{text('contract.differences', { count: different.length })}</p>
      <Rows<Line>
        caption={text('contract.compareCaption', titles)}
        rows={whole ? all : different}
        rowKey={({ path }) => path}
        columns={[
          { title: 'contract.field', cell: ({ path }) => <Field path={path} /> },
          {
            title: 'contract.differs',
            cell: (line) => <Status tone={differs(line) ? 'warn' : 'quiet'} word={wordOf(line)} />,
          },
          { title: 'contract.leftValue', cell: (line) => <Value of={line.before} /> },
          { title: 'contract.rightValue', cell: (line) => <Value of={line.after} /> },
        ]}
      />
    </Part>
  )
}

function Pick(q: { title: TextKey; of: Version[]; chosen: number; choose(version: number): void }) {
  return (
    <label class="acts">
      {text(q.title)}
      <select value={String(q.chosen)} onChange={(event) => q.choose(Number(event.currentTarget.value))}>
        {q.of.map(({ version, state }) => (
          <option key={version} value={String(version)}>
            {text('contract.versionInState', { version: String(version), state: stateName(state) })}
          </option>
        ))}
      </select>
    </label>
  )
}

/** The titles of a content's fields, as terms and facts use them. */
const FIELDS: Record<string, TextKey> = {
  ...{ title: 'contract.titleField', provider: 'contract.provider', consumers: 'contract.consumers' },
  ...{ purpose: 'contract.purpose', legalBasis: 'contract.legalBasis', services: 'contract.services' },
  ...{ personalData: 'contract.personalData', critical: 'contract.critical', logLevel: 'contract.logLevel' },
  ...{ retentionDays: 'contract.retention', quota: 'contract.quota', contacts: 'contract.contacts' },
  ...{ validFrom: 'contract.validFrom', validUntil: 'contract.validUntil', reviewAt: 'contract.reviewAt' },
  ...{ outageGraceHours: 'contract.grace', outageGracePersonalData: 'contract.gracePersonal' },
  secret: 'contract.secret',
}

function Field({ path }: { path: string }) {
  const words = FIELDS[path.split('/')[1] ?? '']
  return (
    <>
      {words === undefined ? '' : text(words)} <bdi class="id beside">{path}</bdi>
    </>
  )
}

function Value({ of }: { of: string | undefined }) {
  if (of !== undefined && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(of)) return <Time at={of} />
  return of === undefined ? (
    <span class="beside">{text('contract.absent')}</span>
  ) : (
    <bdi class="wrap">{of}</bdi>
  )
}

function differs({ before, after }: Line): boolean {
  return before !== after
}

function wordOf({ before, after }: Line): TextKey {
  if (before === after) return 'contract.same'
  if (before === undefined) return 'contract.added'
  return after === undefined ? 'contract.removed' : 'contract.changed'
}

/**
 * Each leaf of a content by its JSON Pointer, without the version's number and the version that it
 * supersedes, which always differ.
 */
function leavesOf(content: unknown): Map<string, string> {
  const found = new Map<string, string>()
  const walk = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value))
        walk(inner, `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    } else if (!/^\/(version|supersedes|contract)$/.test(path)) found.set(path, String(value))
  }
  walk(content, '')
  return found
}
