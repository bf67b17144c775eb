// Packs the images of the tests without a registry: pause, busybox with the burst program, and an empty one.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const PAUSE = 'localhost/pause:1';
export const BURST = 'localhost/burst:1';
/** Only the directories on which the host's are mounted. */
export const HOST = 'localhost/host:1';

/** Builds the tarballs in a directory and returns their paths. */
export function packImages(directory: string): string[] {
  const pause = root(directory, 'pause');
  compile('pause.c', join(pause, 'pause'));

  const burst = root(directory, 'burst');
  for (const name of ['bin', 'etc', 'tmp', 'proc', 'sys', 'dev']) mkdirSync(join(burst, name));
  copyFileSync('/bin/busybox', join(burst, 'bin/busybox'));
  for (const name of ['sh', 'sleep', 'true']) symlinkSync('busybox', join(burst, 'bin', name));
  compile('burst.c', join(burst, 'burst'));

  const host = root(directory, 'host');
  for (const name of ['bin', 'sbin', 'lib', 'lib64', 'usr', 'etc', 'tmp', 'proc', 'sys', 'dev', 'host/proc'])
    mkdirSync(join(host, name), { recursive: true });

  return [pack(PAUSE, pause, ['/pause']), pack(BURST, burst, ['/bin/sh']), pack(HOST, host, ['/bin/sh'])];
}

function root(directory: string, name: string): string {
  const path = join(directory, `${name}.rootfs`);
  mkdirSync(path, { recursive: true });
  return path;
}

function compile(source: string, output: string): void {
  execFileSync('gcc', ['-static', '-O2', '-Wall', '-o', output, join(import.meta.dirname, source)]);
}

function pack(name: string, rootfs: string, entrypoint: string[]): string {
  const work = `${rootfs}.image`;
  mkdirSync(work);
  const layer = join(work, 'layer.tar');
  execFileSync('tar', ['-C', rootfs, '--numeric-owner', '--owner=0', '--group=0', '-cf', layer, '.']);
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Entrypoint: entrypoint, Env: ['PATH=/bin:/usr/bin:/sbin:/usr/sbin'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(readFileSync(layer))}`] },
  });
  const configFile = `${sha256(config)}.json`;
  writeFileSync(join(work, configFile), config);
  writeFileSync(
    join(work, 'manifest.json'),
    JSON.stringify([{ Config: configFile, RepoTags: [name], Layers: ['layer.tar'] }]),
  );
  const output = `${rootfs}.tar`;
  execFileSync('tar', ['-C', work, '-cf', output, 'manifest.json', configFile, 'layer.tar']);
  return output;
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
