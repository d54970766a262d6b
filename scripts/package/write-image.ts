/**
 * Writes an OCI image that has Node, its shared libraries and our programs: no shell, no package manager, no
 * root.
 */
import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { librariesOf } from './find-libraries.ts'
import { billOfMaterials } from './list-components.ts'
import type { Source } from './read-source.ts'
import { ENTRY, ENVIRONMENT, INSTALLED_AT, NODE, NODE_OPTIONS, type Tree } from './stage-tree.ts'
import { provenanceOf } from './write-provenance.ts'
import { writeTar } from './write-tar.ts'

const USER = 10001
const STATE = 'var/lib/concordat'
const OCI = 'application/vnd.oci.image'
const INDEX = `${OCI}.index.v1+json`
const PORTS = [4000, 5500, 5577, 8443]

type Descriptor = { mediaType: string; digest: string; size: number; [more: string]: unknown }
type Layer = { descriptor: Descriptor; diffId: string; what: string }
type Blobs = (content: Buffer, mediaType: string) => Promise<Descriptor>
type Layers = (what: string, tar: string) => Promise<Layer>

const compress = promisify<Buffer, { level: number }, Buffer>(gzip)

/**
 * Returns the file: an OCI layout in one tar, with the list of contents and the provenance as referrers of
 * the image.
 */
export async function writeImage(q: {
  tree: Tree
  work: string
  output: string
  compression: number
}): Promise<string> {
  const { tree, work } = q
  const { source } = tree
  const layout = path.join(work, 'layout')
  await mkdir(path.join(layout, 'blobs/sha256'), { recursive: true })
  const blob: Blobs = async (content, mediaType) => {
    const sha256 = createHash('sha256').update(content).digest('hex')
    await writeFile(path.join(layout, 'blobs/sha256', sha256), content)
    return { mediaType, digest: `sha256:${sha256}`, size: content.length }
  }
  const layer: Layers = async (what, tar) => {
    const content = await readFile(tar)
    const diffId = `sha256:${createHash('sha256').update(content).digest('hex')}`
    const compressed = await compress(content, { level: q.compression })
    return { descriptor: await blob(compressed, `${OCI}.layer.v1.tar+gzip`), diffId, what }
  }
  const libraries = await librariesOf(path.join(tree.folder, 'bin/node'))
  const layers = [
    await layer('shared libraries, folders', await packBase(work, libraries, source.seconds)),
    ...(await packTree(layer, work, tree)),
  ]
  const config = Buffer.from(JSON.stringify(configOf(source, layers)))
  const manifest = await writeManifest(blob, {
    config: await blob(config, `${OCI}.config.v1+json`),
    layers: layers.map(({ descriptor }) => descriptor),
  })
  const image = { ...manifest, platform: { architecture: 'amd64', os: 'linux' } }
  const components = [...tree.components, ...libraries.components]
  const refer = async (content: string, artifactType: string): Promise<Descriptor> => {
    const config = await blob(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json')
    const layers = [await blob(Buffer.from(content), artifactType)]
    return {
      ...(await writeManifest(blob, { artifactType, config, layers, subject: manifest })),
      ...{ artifactType, platform: { architecture: 'unknown', os: 'unknown' } },
    }
  }
  const subject = { name: `concordat:${source.version}`, sha256: manifest.digest.replace('sha256:', '') }
  // An engine loads a file only if one thing is in it: so the image and what refers to it are in an index of
  // their own, in which engines pass over what is for no platform.
  const whole = indexOf([
    image,
    await refer(billOfMaterials(source, components), 'application/vnd.cyclonedx+json'),
    await refer(
      await provenanceOf({ source, components, kind: 'image', subject }),
      'application/vnd.in-toto+json',
    ),
  ])
  const annotations = {
    'org.opencontainers.image.ref.name': source.version,
    // By this name engines keep the image, as if they had built it.
    'io.containerd.image.name': `docker.io/library/concordat:${source.version}`,
  }
  const index = indexOf([{ ...(await blob(Buffer.from(JSON.stringify(whole)), INDEX)), annotations }])
  await writeFile(path.join(layout, 'index.json'), JSON.stringify(index))
  await writeFile(path.join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const file = path.join(q.output, `concordat-${source.version}.oci.tar`)
  const part = `${file}.part`
  await writeTar({
    ...{ file: part, folder: layout, seconds: source.seconds },
    names: ['oci-layout', 'index.json', 'blobs'],
  })
  await rename(part, file)
  return file
}

function indexOf(manifests: Descriptor[]): object {
  return { schemaVersion: 2, mediaType: INDEX, manifests }
}

async function writeManifest(blob: Blobs, content: object): Promise<Descriptor> {
  const mediaType = `${OCI}.manifest.v1+json`
  return blob(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content })), mediaType)
}

/** The libraries where the loader looks for them, one user, and the folders that are written to. */
async function packBase(
  work: string,
  libraries: { files: string[]; copyrights: string[] },
  seconds: number,
): Promise<string> {
  const folder = path.join(work, 'base')
  const put = async (name: string, content: string): Promise<void> => {
    await mkdir(path.join(folder, path.dirname(name)), { recursive: true })
    await writeFile(path.join(folder, name), content)
  }
  await put('etc/passwd', `concordat:x:${USER}:${USER}::/${STATE}:/nonexistent\n`)
  await put('etc/group', `concordat:x:${USER}:\n`)
  await put('etc/nsswitch.conf', 'hosts: files dns\n')
  await mkdir(path.join(folder, 'etc/concordat'))
  await mkdir(path.join(folder, STATE), { recursive: true })
  await mkdir(path.join(folder, 'tmp'))
  for (const file of [...libraries.files, ...libraries.copyrights]) {
    await mkdir(path.join(folder, path.dirname(file)), { recursive: true })
    await copyFile(file, path.join(folder, file))
  }
  const file = path.join(work, 'base.tar')
  const names = [...new Set([...libraries.files, ...libraries.copyrights].map((one) => one.split('/')[1]!))]
  const written = { file, folder, seconds }
  await writeTar({ ...written, names: ['etc', ...names.toSorted()], mode: 'a=rX' })
  await writeTar({ ...written, names: [STATE], owner: USER, mode: '0700', append: true })
  await writeTar({ ...written, names: ['tmp'], mode: '1777', append: true })
  return file
}

/** Node apart from the rest, which changes with each version. */
async function packTree(layer: Layers, work: string, tree: Tree): Promise<Layer[]> {
  const root = path.join(work, 'image-root')
  const within = INSTALLED_AT.slice(1)
  await mkdir(path.join(root, path.dirname(within)), { recursive: true })
  await rename(tree.folder, path.join(root, within))
  const { seconds } = tree.source
  const node = path.join(work, 'node.tar')
  await writeTar({ file: node, folder: root, names: [NODE.slice(1)], seconds, mode: 'a=rX' })
  const rest = path.join(work, 'rest.tar')
  await rename(path.join(root, NODE), path.join(work, 'node'))
  await writeTar({ file: rest, folder: root, names: [within], seconds, mode: 'a=rX' })
  return [await layer('Node', node), await layer('programs and pages', rest)]
}

function configOf(source: Source, layers: Layer[]): object {
  const created = new Date(source.seconds * 1000).toISOString()
  return {
    created,
    architecture: 'amd64',
    os: 'linux',
    config: {
      User: `${USER}:${USER}`,
      Env: [
        `PATH=${INSTALLED_AT}/bin`,
        // Servers refuse places that end with the container (platform/nodes/lasting-places.ts).
        'IN_CONCORDAT_IMAGE=1',
        ...Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`),
      ],
      Entrypoint: [NODE, ...NODE_OPTIONS, ENTRY],
      Cmd: ['--help'],
      WorkingDir: '/',
      ExposedPorts: Object.fromEntries(PORTS.map((port) => [`${port}/tcp`, {}])),
      StopSignal: 'SIGTERM',
      Labels: {
        'org.opencontainers.image.title': 'Concordat',
        'org.opencontainers.image.version': source.version,
        'org.opencontainers.image.revision': source.commit,
        'org.opencontainers.image.licenses': 'MIT',
      },
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ what }) => ({ created, created_by: 'concordat package image', comment: what })),
  }
}
