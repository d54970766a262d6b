/**
 * The sign-in page: a login for people when the server has one, or an API key, which this page keeps in
 * memory only.
 */
import { useEffect, useState } from 'preact/hooks'
import type { Api, Session } from './api.ts'
import { ApiFault } from './api.ts'
import type { Values } from './field.tsx'
import { Form } from './form.tsx'
import { LanguageChoice } from './language-choice.tsx'
import { type Means, meansOfLogin, signInWithPasskey } from './passkeys.ts'
import { Refused } from './placeholders.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'

/** Why a person who was signed in is here: the session ended, or the server did not receive the sign-out. */
export type WhyOut = { ended: true } | { unheard: true; endsAt?: string }

type Entering = { api: Api; enter(session: Session): void }

export function SignIn({ name, why, ...entering }: Entering & { name: string; why: WhyOut | undefined }) {
  return (
    <main class="sign-in" id="main">
      <p class="product">{name}</p>
      <LanguageChoice />
      <h1>{text('signIn.title')}</h1>
      {why !== undefined && (
        <div class="note" role="status">
          {'ended' in why ? (
            text('signIn.ended')
          ) : (
            <>
              {text('signIn.unheard')}
              {why.endsAt !== undefined && (
                <>
                  {' '}
                  {text('signIn.endsAt')} <Time at={why.endsAt} relative />
                </>
              )}
            </>
          )}
        </div>
      )}
      <section>
        <h2>{text('signIn.person')}</h2>
        <AsPerson {...entering} />
      </section>
      <section>
        <h2>{text('signIn.key')}</h2>
        <p>{text('signIn.keyWhy')}</p>
        <ByKey {...entering} />
      </section>
    </main>
  )
}

/** `beside`: in another tab, so that this page stays as it is. */
export function AsPerson({ api, enter, beside = false }: Entering & { beside?: boolean }) {
  const [means, setMeans] = useState<Means | ApiFault>()
  const [tries, setTries] = useState(0)
  useEffect(() => {
    setMeans(undefined)
    meansOfLogin().then(setMeans, (cause: unknown) => {
      if (!(cause instanceof ApiFault)) throw cause
      setMeans(cause)
    })
  }, [tries])
  return (
    <>
      {!beside && !(means instanceof ApiFault) && means?.takesCode === true && (
        <p class="note">{text('signIn.takesCode')}</p>
      )}
      {means instanceof ApiFault ? (
        <Refused fault={means} again={() => setTries(tries + 1)} />
      ) : means?.login !== undefined ? (
        <p>
          <a class="button primary" href={means.login} {...(beside && { target: '_blank', rel: 'noopener' })}>
            {text(beside ? 'signIn.beside' : 'signIn.button')}
          </a>
        </p>
      ) : (
        means !== undefined && <p>{text('signIn.notConfigured')}</p>
      )}
      {!(means instanceof ApiFault) && means?.passkeys === true && (
        <Form
          fields={[]}
          submit={text('signIn.passkey')}
          send={async () => {
            await signInWithPasskey()
            enter(await api.open())
          }}
        />
      )}
    </>
  )
}

export function ByKey({ api, enter }: Entering) {
  const open = async (values: Values): Promise<void> => {
    try {
      enter(await api.open(String(values['key']).trim()))
    } catch (cause) {
      if (cause instanceof ApiFault && cause.status === 401)
        throw new ApiFault(401, { message: text('signIn.refused') })
      throw cause
    }
  }
  return (
    <Form
      fields={[
        {
          name: 'key',
          title: 'signIn.keyField',
          type: 'secret',
          check: (value) =>
            /^[0-9a-f-]{36}\.[\w-]{43}$/i.test(value.trim()) ? undefined : text('signIn.keyForm'),
        },
      ]}
      submit={text('signIn.keyButton')}
      send={open}
    />
  )
}
