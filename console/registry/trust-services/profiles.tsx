/**
 * The certificate profiles for approved CAs: X-Road's classes and the profiles of this instance, with the
 * acts that change and try one.
 */
import { Act } from '../../kit/act.tsx'
import { goTo } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import type { ListedProfile } from './profile-page.tsx'
import { TryProfile } from './profile-trial.tsx'

export function CertificateProfiles() {
  const profiles = useAnswer<ListedProfile[]>('getCertificateProfiles')
  return (
    <Show of={profiles}>
      {(all) => (
        <Part title={text('profiles.title')} acts={<Add from={all[0]?.name} button={text('profiles.add')} />}>
          <p class="hint">{text('profiles.lead')}</p>
          <ul class="plain-list ruled">
            {all.map((one) => (
              <li key={one.name} class="profile">
                <Profile of={one} />
              </li>
            ))}
          </ul>
        </Part>
      )}
    </Show>
  )
}

function Profile({ of }: { of: ListedProfile }) {
  const { name, builtIn, usedBy, profile, sha256 } = of
  const document = written(profile)
  return (
    <>
      <details>
        <summary>
          <bdi>{profile.title}</bdi> <bdi class="id wrap beside">{name}</bdi>{' '}
          <span class="beside">{text(builtIn ? 'profiles.builtIn' : 'profiles.own')}</span>
          {usedBy.length > 0 && <p class="beside">{text('profiles.usedBy', { names: usedBy.join(', ') })}</p>}
        </summary>
        <p class="hint">
          SHA-256 <bdi class="id wrap">{sha256}</bdi>
        </p>
        <textarea
          class="raw"
          readOnly
          rows={16}
          aria-label={text('profiles.documentOf', { name })}
          value={document}
        />
      </details>
      <div class="acts">
        <TryProfile profile={profile} label={text('profiles.tryThis', { name })} />
        <Add from={name} button={text('profiles.begin')} label={text('profiles.beginWith', { name })} />
        {!builtIn && <Change name={name} />}
        {!builtIn && usedBy.length === 0 && (
          <Act
            operation="deleteCertificateProfile"
            button={text('profiles.delete')}
            label={text('profiles.deleteThis', { name })}
            title={text('profiles.deleteThis', { name })}
            consequence={<p>{text('profiles.deleteConsequence')}</p>}
            nameToType={name}
            send={(_, call) => call('deleteCertificateProfile', { params: { name } })}
            result={() => <p>{text('profiles.deleted')}</p>}
          />
        )}
      </div>
    </>
  )
}

/** A link to the form of a new profile, which begins with an existing one. */
function Add({ from = '', button, label }: { from?: string | undefined; button: string; label?: string }) {
  if (!useMay('putCertificateProfile')) return null
  const to = `/new-certificate-profile?from=${encodeURIComponent(from)}`
  return (
    <button type="button" aria-label={label} onClick={() => goTo(to)}>
      {button}
    </button>
  )
}

function Change({ name }: { name: string }) {
  if (!useMay('putCertificateProfile')) return null
  return (
    <button
      type="button"
      aria-label={text('profiles.changeThis', { name })}
      onClick={() => goTo(`/certificate-profiles/${encodeURIComponent(name)}`)}
    >
      {text('profiles.change')}
    </button>
  )
}

function written(profile: object): string {
  return JSON.stringify(profile, null, 2)
}
