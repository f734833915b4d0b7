import { beforeEach, describe, test } from 'vitest';
import type { Json } from '../../../support/builders.ts';
import { anAttribute, aToken, aUser, groupsOf, HOUR, NOW, timeText } from '../../../support/builders.ts';
import { foreign, pairOf } from '../../../support/decision-facts.ts';
import { expectGolden } from '../../../support/golden.ts';
import { PaperWorld } from '../../../support/paper-world.ts';

// Minutes of what follows from the decisions alone, for a person to read: test/golden/stories/.

let world: PaperWorld;
let version = 1;

const versioned = (): Json => {
  version += 1;
  return { resourceVersion: String(version) };
};
function put(fields: Json = {}, metadata: Json = {}): void {
  world.tokens.set('t-1', aToken(fields, { ...versioned(), ...metadata }));
}
function putUser(fields: Json = {}): void {
  world.users.set('u-1', aUser(fields, versioned()));
}
function groups(...names: string[]): void {
  world.attributes.set('u-1', anAttribute({ GroupPrincipals: { local: groupsOf(...names) } }, versioned()));
}
const createToken = (): void => world.when('Token t-1 of user u-1 is created', () => put(), 'token/t-1');

beforeEach(() => {
  version = 1;
  world = new PaperWorld();
  putUser();
  groups('g-1');
});

describe('the minutes of', () => {
  const story = (name: string, play: () => void): void =>
    test(name, () => {
      play();
      expectGolden(`stories/${name}`, world.minutes);
    });

  story('create', () => {
    createToken();
    world.when('A sweep looks at everything', () => {}, 'user/u-1', 'token/t-1');
  });

  story('create-with-a-slow-hash', () => {
    world.hashing.add('uid-t-1');
    createToken();
    world.when('The hash is there', () => world.hashing.clear(), 'token/t-1');
  });

  story('disable', () => {
    createToken();
    world.when('Token t-1 is disabled', () => put({ enabled: false }), 'token/t-1');
  });

  story('delete', () => {
    createToken();
    const remove = (): void => {
      world.tokens.clear();
      world.gone.add('token/t-1');
    };
    world.when('Token t-1 is deleted, and the watch tells so', remove, 'token/t-1');
  });

  story('delete-unseen', () => {
    createToken();
    world.when('Token t-1 is deleted while nobody watches', () => world.tokens.clear(), 'token/t-1');
    world.when('A sweep lets it pass', () => world.gone.add('token/t-1'), 'token/t-1');
  });

  story('expire', () => {
    world.when(
      'Token t-1 with an hour to live is created',
      () => put({ expiresAt: timeText(NOW + HOUR) }),
      'token/t-1',
    );
    const wait = (): void => {
      world.rules = {
        ...world.rules,
        clock: { nowMs: NOW + HOUR, agreedMs: NOW + HOUR, latestMs: NOW + HOUR },
      };
    };
    world.when('An hour has passed', wait, 'token/t-1');
  });

  story('drift', () => {
    createToken();
    const meddle = (): void => {
      world.objects = world.objects.filter(({ kind }) => kind !== 'Secret');
    };
    world.when('Somebody deletes Secret t-1 in the cluster', meddle, 'token/t-1');
  });

  story('rotate', () => {
    createToken();
    const rotate = (): void => {
      put({ token: 'secret-2' });
      world.hashing.add('uid-t-1');
    };
    world.when('Token t-1 gets another secret', rotate, 'token/t-1');
    world.when('The hash is there', () => world.hashing.clear(), 'token/t-1');
  });

  story('move', () => {
    createToken();
    const move = (): void => {
      put({ clusterName: 'c-2' });
      world.awaitedElsewhereSinceMs = NOW;
    };
    world.when('Token t-1 is moved to cluster c-2', move, 'token/t-1');
    const arrive = (): void => {
      world.awaitedElsewhereSinceMs = undefined;
    };
    world.when('Cluster c-2 has it', arrive, 'token/t-1');
  });

  story('groups', () => {
    createToken();
    world.when('User u-1 loses group g-1 and gets g-2', () => groups('g-2'), 'user/u-1');
  });

  story('disable-a-user', () => {
    createToken();
    world.when('User u-1 is disabled', () => putUser({ enabled: false }), 'user/u-1', 'token/t-1');
    world.when('User u-1 is enabled again', () => putUser(), 'user/u-1', 'token/t-1');
  });

  story('delete-a-user', () => {
    createToken();
    const remove = (): void => {
      world.users.clear();
      world.gone.add('user/u-1');
    };
    world.when('User u-1 is deleted, and the watch tells so', remove, 'user/u-1', 'token/t-1');
  });

  story('conflict', () => {
    world.objects = pairOf(aToken()).slice(1).map(foreign);
    createToken();
    const remove = (): void => {
      world.objects = world.objects.filter(({ kind }) => kind !== 'ClusterAuthToken');
    };
    world.when('Somebody removes the ClusterAuthToken that was in the way', remove, 'token/t-1');
  });

  story('adopt', () => {
    world.objects = pairOf(aToken()).slice(1).map(foreign);
    createToken();
    const adopt = (): void => {
      world.rules = { ...world.rules, adopts: true };
    };
    world.when('spec.adopt is set', adopt, 'user/u-1', 'token/t-1');
  });

  story('suspend', () => {
    createToken();
    const suspend = (): void => {
      world.rules = { ...world.rules, isPaused: true };
    };
    world.when('spec.suspend is set', suspend, 'user/u-1', 'token/t-1');
    world.when('User u-1 loses group g-1 and gets g-2', () => groups('g-2'), 'user/u-1');
    world.when('Token t-1 is disabled', () => put({ enabled: false }), 'token/t-1');
  });

  story('drain', () => {
    createToken();
    const drain = (): void => {
      world.rules = { ...world.rules, mode: 'drain' };
    };
    world.when('ACE is switched off', drain, 'user/u-1', 'token/t-1');
  });
});
