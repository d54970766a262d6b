/**
 * The form of a certificate profile: a new one, possibly begun with another, or one of this instance that is
 * changed.
 */
import { useState } from 'preact/hooks'
import { Act } from '../../kit/act.tsx'
import { goTo, useAddress } from '../../kit/address.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { useUnsaved } from '../../kit/unsaved.ts'
import { documentOf, draftOf, type ProfileDraft, type SideDraft, type SideName } from './profile-document.ts'
import { Input, SideFields } from './profile-fields.tsx'
import { TryProfile } from './profile-trial.tsx'

export type ListedProfile = {
  name: string
  builtIn: boolean
  sha256: string
  usedBy: string[]
  profile: { title: string }
}

const MAX_DOCUMENT = 16_384
const SIDES: [SideName, TextKey][] = [
  ['signing', 'profiles.ofSigning'],
  ['authentication', 'profiles.ofAuthentication'],
]

export function NewProfile() {
  const from = useAddress().query.get('from') ?? ''
  const profiles = useAnswer<ListedProfile[]>('getCertificateProfiles')
  return (
    <Show of={profiles} page="profiles.add">
      {(all) => {
        const begun = all.find(({ name }) => name === from) ?? all[0]
        return (
          <Editor title={text('profiles.add')} begin={{ ...draftOf(begun?.profile), name: '', title: '' }} />
        )
      }}
    </Show>
  )
}

export function OneProfile({ params }: { params: Record<string, string> }) {
  const name = params['name']!
  const profiles = useAnswer<ListedProfile[]>('getCertificateProfiles')
  return (
    <Show of={profiles} page="profiles.one">
      {(all) => {
        const own = all.find((one) => one.name === name && !one.builtIn)
        if (own === undefined)
          return (
            <>
              <Head title={text('profiles.one')} />
              <Empty>
                <p>{text('profiles.notOwn')}</p>
              </Empty>
            </>
          )
        const title = text('profiles.changeThis', { name })
        return <Editor title={title} begin={draftOf(own.profile)} name={name} usedBy={own.usedBy} />
      }}
    </Show>
  )
}

/** `name` is given for an existing profile: with another name it would be another profile. */
function Editor(q: { title: string; begin: ProfileDraft; name?: string; usedBy?: string[] }) {
  const { title, begin, name, usedBy = [] } = q
  const [draft, setDraft] = useState(begin)
  const [sent, setSent] = useState(begin)
  useUnsaved(JSON.stringify(draft) !== JSON.stringify(sent), draft)
  const document = documentOf(draft)
  const change = (changes: Partial<ProfileDraft>): void => setDraft((before) => ({ ...before, ...changes }))
  return (
    <>
      <Head
        title={title}
        lead={text('profiles.lead')}
        acts={
          <>
            <TryProfile profile={document} />
            <Act
              operation="putCertificateProfile"
              button={text('profiles.keep')}
              look="primary"
              title={title}
              consequence={<p>{text('profiles.consequence')}</p>}
              send={async (_, call) => {
                const params = { name: draft.name === '' ? 'none' : draft.name }
                const answer = await call('putCertificateProfile', { params, body: document })
                setSent(draft)
                return answer
              }}
              result={() => <p>{text('profiles.kept')}</p>}
              then={() => goTo('/trust-services')}
            />
          </>
        }
      />
      {usedBy.length > 0 && (
        <p class="note part">
          {text('profiles.usedBy', { names: usedBy.join(', ') })}. {text('profiles.consequence')}
        </p>
      )}
      <Part title={text('profiles.naming')}>
        <div class="fields">
          {name === undefined && (
            <Input
              {...{ title: 'profiles.name', hint: 'profiles.nameHint', maxLength: 255 }}
              value={draft.name}
              set={(given) => change({ name: given })}
            />
          )}
          <Input
            {...{ title: 'profiles.titleField', hint: 'profiles.titleHint', maxLength: 255 }}
            value={draft.title}
            set={(given) => change({ title: given })}
          />
        </div>
      </Part>
      {SIDES.map(([side, heading]) => (
        <Part key={side} title={text(heading)}>
          <SideFields
            side={side}
            of={draft[side]}
            set={(changes: Partial<SideDraft>) => change({ [side]: { ...draft[side], ...changes } })}
          />
        </Part>
      ))}
      <Document of={document} take={(given) => setDraft({ ...draftOf(given), ...(name && { name }) })} />
    </>
  )
}

/** For people who know the document: to read, copy, or replace all fields with it. */
function Document({ of, take }: { of: object; take(document: object): void }) {
  const [given, setGiven] = useState<string>()
  const [isWrong, setWrong] = useState(false)
  const takeOver = (): void => {
    try {
      take(Object(JSON.parse(given ?? '')) as object)
      setGiven(undefined)
      setWrong(false)
    } catch {
      setWrong(true)
    }
  }
  return (
    <Part title={text('profiles.document')}>
      <details>
        <summary>{text('profiles.asDocument')}</summary>
        <Input
          {...{
            title: 'profiles.document',
            hint: 'profiles.documentHint',
            type: 'long',
            maxLength: MAX_DOCUMENT,
          }}
          value={given ?? JSON.stringify(of, null, 2)}
          set={setGiven}
        />
        {isWrong && (
          <p class="error" role="alert">
            {text('profiles.noJson')}
          </p>
        )}
        <div class="acts">
          <button type="button" onClick={takeOver}>
            {text('profiles.takeOver')}
          </button>
        </div>
      </details>
    </Part>
  )
}
