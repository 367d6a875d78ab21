import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerId } from '../../lib/metrics/container-id.ts';

const ID = 'f0'.repeat(32);

function kernel(files: Record<string, string>, inodes: Record<string, number> = {}) {
  return { read: (path: string) => files[path], inode: (path: string) => inodes[path] };
}

test('the ID of the container as each runtime writes it', () => {
  for (const [line, id] of [
    [`12:memory:/docker/${ID}`, ID],
    [`0::/system.slice/docker-${ID}.scope`, ID],
    [`1:name=systemd:/kubepods.slice/kubepods-pod1.slice/cri-containerd-${ID}.scope`, ID],
    [
      '9:perf_event:/ecs/e123456789012345678901234567890/34dc0b5e626f2c5c4c5170e34b10e765-1234567890',
      '34dc0b5e626f2c5c4c5170e34b10e765-1234567890',
    ],
    ['1:name=systemd:/garden/7b8972f0-1ec5-4d32-6f8a', undefined],
    ['1:name=systemd:/garden/6f265890-5165-7fab-6b52-18d1', '6f265890-5165-7fab-6b52-18d1'],
    ['0::/user.slice/user-1000.slice', undefined],
  ] as const) {
    assert.equal(containerId(kernel({ '/proc/self/cgroup': `${line}\n` })), id, line);
  }
});

test('under a cgroup namespace: the mounts, else the inode; on the host and elsewhere nothing', () => {
  const mounts = `1 2 0:1 /var/lib/docker/containers/${ID}/hostname /etc/hostname rw\n`;
  assert.equal(containerId(kernel({ '/proc/self/cgroup': '0::/\n', '/proc/self/mountinfo': mounts })), ID);
  const inodes = { '/sys/fs/cgroup/': 4711, '/proc/self/ns/cgroup': 4026532000 };
  assert.equal(containerId(kernel({ '/proc/self/cgroup': '0::/\n' }, inodes)), 'in-4711');
  const onHost = { '/sys/fs/cgroup/': 4711, '/proc/self/ns/cgroup': 0xeffffffb };
  assert.equal(containerId(kernel({ '/proc/self/cgroup': '0::/\n' }, onHost)), undefined);
  assert.equal(containerId(kernel({})), undefined);
});
