import { mkdirSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { requireLastingPlaces } from './lasting-places.ts'

const inImage = { IN_CONCORDAT_IMAGE: '1' }

t.test('in a container of the image nothing that has to last is begun outside a volume', (t) => {
  const folder = t.testdir({ volume: {}, own: {} })
  symlinkSync(path.join(folder, 'volume'), path.join(folder, 'own', 'link'))
  const mounts = `94 70 0:40 / / ro,relatime - overlay overlay rw
95 94 0:43 / /tmp rw,nosuid - tmpfs tmpfs rw
117 94 0:27 /volumes/state/_data /var/lib/concordat rw - tmpfs tmpfs rw
118 94 8:1 /volumes/b /srv/our\\040state rw shared:1 - ext4 /dev/sda1 rw
119 94 8:1 / ${path.join(folder, 'volume')} rw - ext4 /dev/sda1 rw
120 119 0:50 / ${path.join(folder, 'volume', 'memory')} rw - tmpfs tmpfs rw
`
  mkdirSync(path.join(folder, 'volume', 'memory'))
  const judge =
    (...places: string[]) =>
    (): void =>
      requireLastingPlaces(places, inImage, () => mounts)
  t.doesNotThrow(() => requireLastingPlaces(['/srv'], {}, () => mounts), 'no container of the image')
  for (const one of [
    ...['/var/lib/concordat', '/var/lib/concordat/security-server', '/srv/our state'],
    ...['sqlite:/var/lib/concordat/log.db', 'sqlite::memory:', 'postgres://db.example/log'],
    path.join(folder, 'own', 'link', 'state'),
  ])
    t.doesNotThrow(judge('/var/lib/concordat', one), one)
  for (const one of [
    ...['/var/lib/elsewhere', '/var/lib', '/var/lib/concordat-2', '/', '/tmp/state', 'sqlite:/srv/log.db'],
    ...[path.join(folder, 'own'), path.join(folder, 'volume', 'memory', 'state')],
  ])
    t.throws(
      judge('/var/lib/concordat', one),
      { code: 'invalid_configuration', message: /mount a volume there/ },
      one,
    )
  t.doesNotThrow(() => requireLastingPlaces(['/proc/self'], inImage), 'the mounts of this process are read')
  t.end()
})
