import t from 'tap'
import { requireLastingDirectory } from './lasting-directory.ts'

const MOUNTS = `94 70 0:40 / / ro,relatime - overlay overlay rw
95 94 0:43 / /tmp rw,nosuid - tmpfs tmpfs rw
117 94 0:27 /volumes/state/_data /var/lib/concordat rw - tmpfs tmpfs rw
118 94 0:27 /volumes/b /srv/our\\040state rw - tmpfs tmpfs rw
`

t.test('in a container of the image nothing that has to last is begun outside a volume', (t) => {
  const inImage = { IN_CONCORDAT_IMAGE: '1' }
  const judge = (directory: string) => (): void => requireLastingDirectory(directory, inImage, () => MOUNTS)
  t.doesNotThrow(() => requireLastingDirectory('/srv', {}, () => MOUNTS), 'no container of the image')
  for (const one of ['/var/lib/concordat', '/var/lib/concordat/security-server', '/srv/our state'])
    t.doesNotThrow(judge(one), one)
  for (const one of ['/var/lib/elsewhere', '/var/lib', '/var/lib/concordat-2', '/', 'state'])
    t.throws(judge(one), { code: 'invalid_configuration', message: /mount a volume there/ }, one)
  t.doesNotThrow(() => requireLastingDirectory('/proc/self', inImage), 'the mounts of this process are read')
  t.end()
})
