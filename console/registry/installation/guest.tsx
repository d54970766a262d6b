/** For a person who has logged in and has no role yet: the installation code makes them an administrator. */
import { useState } from 'preact/hooks'
import { useConsole } from '../../kit/context.ts'
import { Head, Part } from '../../kit/facts.tsx'
import { Form } from '../../kit/form.tsx'
import { text } from '../../kit/text.ts'

export function Guest() {
  const { api } = useConsole()
  const [redeemed, setRedeemed] = useState<{ installed: boolean }>()
  if (redeemed !== undefined) {
    return (
      <>
        <Head title={text('installation.redeemed')} />
        <Part title={text('installation.next')}>
          <p>{text(redeemed.installed ? 'installation.done' : 'installation.oneMore')}</p>
          <p>{text('installation.again')}</p>
          <p>
            <a class="button primary" href="/login">
              {text('signIn.button')}
            </a>
          </p>
        </Part>
      </>
    )
  }
  return (
    <>
      <Head title={text('installation.title')} lead={text('installation.lead')} />
      <Part title={text('installation.code')}>
        <p>{text('installation.codeWhy')}</p>
        <Form
          fields={[
            {
              name: 'code',
              title: 'installation.code',
              hint: 'installation.codeHint',
              type: 'secret',
              maxLength: 100,
            },
          ]}
          submit={text('installation.redeem')}
          send={async ({ code }) => {
            const body = { code: String(code).trim() }
            const { data } = await api.call<{ installed: boolean }>('redeemInstallationCode', { body })
            setRedeemed(data)
          }}
        />
      </Part>
    </>
  )
}
