// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISequencerBond} from "../ISequencerBond.sol";
import {SequencerBond} from "../SequencerBond.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {vm} from "./Vm.sol";

/**
 * @notice A second, simpler book of two bonds, kept beside the contract under any sequence of calls. Each action first
 * says from this book whether the contract must accept, then requires just that. Bond 0 is honest: it signs prefixes
 * of one transcript and answers before time passes its deadlines. Bond 1 signs what suits it and never answers.
 */
contract BondModel is ISequencerBond {
    struct Entry {
        Status status;
        uint256 stake;
        uint256 exitAt;
        uint256 open;
        uint256 slashes;
        uint256 withdrawals;
        uint64 anchored;
    }

    struct Asked {
        Question question;
        uint256 which;
        uint256 deadline;
        uint256 value;
        bool open;
    }

    bytes32 private constant LOG = keccak256("log");
    uint64 private constant LEAVES = 16;
    address private constant OWNER = address(0x0A0000);
    address private constant STRANGER = address(0x0B0000);

    SequencerBond public immutable bond;
    Entry[2] public entries;
    Asked[] private _asked;
    bytes32[] private _leaves;
    bytes32[] private _fork;
    uint256 public paidIn;
    uint256 public paidOut;
    uint256 public owedToStranger;

    constructor(SequencerBond deployed) {
        bond = deployed;
        _leaves = ReferenceTree.leaves(1, 0, LEAVES, LEAVES);
        _fork = ReferenceTree.leaves(1, 2, 0, LEAVES);
        vm.deal(OWNER, 1e9 ether);
        vm.deal(STRANGER, 1e9 ether);
        register(0, 10 ether);
        register(1, 10 ether);
    }

    function register(uint256 pick, uint256 value) public {
        uint256 which = pick % 2;
        value = value % 20 ether;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(which), bond.possessionDigest(LOG, signer(which), OWNER));
        bytes memory data = abi.encodeCall(bond.register, (LOG, signer(which), abi.encodePacked(r, s, v)));
        if (!act(OWNER, value, data, entries[which].status == Status.None && value >= 1 ether)) return;
        entries[which].status = Status.Active;
        entries[which].stake = value;
    }

    function topUp(uint256 pick, uint256 value) external {
        uint256 which = pick % 2;
        value = value % 3 ether;
        bytes memory data = abi.encodeCall(bond.topUp, (LOG, signer(which)));
        if (act(STRANGER, value, data, live(which) && value > 0)) entries[which].stake += value;
    }

    function anchor(uint256 pick) external {
        uint256 which = pick % 2;
        uint64 size = sizeIn(pick);
        bytes memory data = abi.encodeCall(bond.anchor, (LOG, head(which, size, _leaves)));
        if (act(STRANGER, 0, data, live(which) && size >= entries[which].anchored)) entries[which].anchored = size;
    }

    function requestExit(uint256 pick) external {
        Entry storage entry = entries[pick % 2];
        uint64 size = sizeIn(pick);
        bytes memory data = abi.encodeCall(bond.requestExit, (LOG, head(pick % 2, size, _leaves)));
        if (!act(OWNER, 0, data, entry.status == Status.Active && size >= entry.anchored)) return;
        entry.status = Status.Exiting;
        entry.exitAt = block.timestamp + 21 days;
        entry.anchored = size;
    }

    function cancelExit(uint256 pick) external {
        Entry storage entry = entries[pick % 2];
        bytes memory data = abi.encodeCall(bond.cancelExit, (LOG, signer(pick % 2)));
        if (act(OWNER, 0, data, entry.status == Status.Exiting)) entry.status = Status.Active;
    }

    function withdraw(uint256 pick) external {
        Entry storage entry = entries[pick % 2];
        bytes memory data = abi.encodeCall(bond.withdraw, (LOG, signer(pick % 2)));
        bool may = entry.status == Status.Exiting && block.timestamp >= entry.exitAt && entry.open == 0;
        if (!act(OWNER, 0, data, may)) return;
        paidOut += entry.stake;
        entry.stake = 0;
        entry.status = Status.Withdrawn;
        ++entry.withdrawals;
    }

    function strangersCannotTouchAnExit(uint256 pick) external {
        act(STRANGER, 0, abi.encodeCall(bond.withdraw, (LOG, signer(pick % 2))), false);
        act(STRANGER, 0, abi.encodeCall(bond.cancelExit, (LOG, signer(pick % 2))), false);
        act(STRANGER, 0, abi.encodeCall(bond.requestExit, (LOG, head(pick % 2, LEAVES, _leaves))), false);
    }

    /// @dev The honest bond's heads are no evidence whatever happened before; the other's are, once, and rarely tried.
    function slash(uint256 pick, bool paid) external {
        uint256 which = pick % 8 == 0 ? 1 : 0;
        uint64 size = paid ? LEAVES : sizeIn(pick);
        SignedCheckpoint memory a = head(1, size, _leaves);
        SignedCheckpoint memory b = which == 0 ? head(0, size, _leaves) : head(1, size, _fork);
        bytes32 commitment = committed(a, b);
        bool may = which == 1 && live(1)
            && (!paid || block.timestamp >= bond.committedAt(commitment) + bond.COMMIT_DELAY());
        Reveal memory reveal = paid ? Reveal(STRANGER, "salt") : Reveal(address(0), 0);
        if (act(STRANGER, 0, abi.encodeCall(bond.slashSameSize, (LOG, a, b, reveal)), may)) punish(1, paid);
    }

    function committed(SignedCheckpoint memory a, SignedCheckpoint memory b) private returns (bytes32 commitment) {
        bytes32 digestA = bond.digest(LOG, a.size, a.root);
        commitment = bond.commitmentOf(digestA, bond.digest(LOG, b.size, b.root), STRANGER, "salt");
        if (bond.committedAt(commitment) == 0) bond.commit(commitment);
    }

    function challenge(uint256 pick, uint256 value) external {
        uint256 which = pick % 2;
        uint64 size = sizeIn(pick);
        uint64 oldSize = uint64(1 + (pick >> 128) % LEAVES);
        value = value % 0.05 ether;
        SignedCheckpoint memory older = head(which, oldSize, _leaves);
        SignedCheckpoint memory newer = head(which, size, _leaves);
        Question memory question = Question(LOG, signer(which), oldSize, older.root, size, newer.root);
        Entry storage entry = entries[which];
        bool inTime = entry.status != Status.Exiting || block.timestamp + 7 days <= entry.exitAt;
        bool may = oldSize < size && value >= 0.01 ether && live(which) && inTime
            && bond.challengeOf(bond.challengeId(question)).state == ChallengeState.None;
        if (!act(STRANGER, value, abi.encodeCall(bond.challenge, (LOG, older, newer)), may)) return;
        _asked.push(Asked(question, which, block.timestamp + 7 days, value, true));
        ++entry.open;
    }

    function timeout(uint256 pick) external {
        if (_asked.length == 0) return;
        Asked storage asked = _asked[pick % _asked.length];
        bool dead = entries[asked.which].status == Status.Slashed;
        bool may = asked.open && (dead || block.timestamp > asked.deadline);
        if (!act(STRANGER, 0, abi.encodeCall(bond.timeout, (asked.question)), may)) return;
        if (!dead) punish(asked.which, true);
        asked.open = false;
        --entries[asked.which].open;
        owedToStranger += asked.value;
    }

    function answer(uint256 pick) external {
        if (_asked.length == 0) return;
        answerOne(_asked[pick % _asked.length]);
    }

    function claim() external {
        if (act(OWNER, 0, abi.encodeCall(bond.claim, (payable(STRANGER))), owedToStranger > 0)) {
            paidOut += owedToStranger;
            owedToStranger = 0;
        }
    }

    function burn(uint256 pick) external {
        Entry storage entry = entries[pick % 2];
        bytes memory data = abi.encodeCall(bond.burn, (LOG, signer(pick % 2)));
        if (!act(STRANGER, 0, data, entry.status == Status.Slashed && entry.stake > 0)) return;
        paidOut += entry.stake;
        entry.stake = 0;
    }

    function passTime(uint256 time) external {
        for (uint256 i = 0; i < _asked.length; ++i) {
            if (_asked[i].which == 0 && _asked[i].open) answerOne(_asked[i]);
        }
        vm.warp(block.timestamp + time % 30 days);
    }

    function openChallengeValue() external view returns (uint256 value) {
        for (uint256 i = 0; i < _asked.length; ++i) {
            if (_asked[i].open) value += _asked[i].value;
        }
    }

    function entryOf(uint256 which) external view returns (Entry memory) {
        return entries[which];
    }

    function kept(uint256 which) external view returns (Bond memory) {
        return bond.bondOf(LOG, signer(which));
    }

    function act(address sender, uint256 value, bytes memory data, bool may) private returns (bool done) {
        vm.prank(sender);
        (done,) = address(bond).call{value: value}(data);
        require(done == may, may ? "the contract refused" : "the contract accepted");
        if (done) paidIn += value;
    }

    function answerOne(Asked storage asked) private {
        Question memory question = asked.question;
        (bytes32 seed, bytes32[] memory path) =
            ReferenceTree.consistency(_leaves, question.oldSize, question.newSize);
        bool may = asked.open && live(asked.which) && block.timestamp <= asked.deadline;
        if (!act(STRANGER, 0, abi.encodeCall(bond.answer, (question, seed, path)), may)) return;
        asked.open = false;
        --entries[asked.which].open;
        owedToStranger += asked.value;
    }

    function punish(uint256 which, bool paid) private {
        Entry storage entry = entries[which];
        uint256 reward = paid ? entry.stake / 20 : 0;
        owedToStranger += reward;
        entry.stake -= reward;
        entry.status = Status.Slashed;
        ++entry.slashes;
    }

    function live(uint256 which) private view returns (bool) {
        return entries[which].status == Status.Active || entries[which].status == Status.Exiting;
    }

    function key(uint256 which) private pure returns (uint256) {
        return 0xA11CE + which;
    }

    function signer(uint256 which) private pure returns (address) {
        return vm.addr(key(which));
    }

    function sizeIn(uint256 pick) private pure returns (uint64) {
        return uint64(1 + (pick >> 8) % LEAVES);
    }

    function head(uint256 which, uint64 size, bytes32[] memory leaves) private view returns (SignedCheckpoint memory) {
        bytes32 root = ReferenceTree.root(leaves, size);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(which), bond.digest(LOG, size, root));
        return SignedCheckpoint(size, root, abi.encodePacked(r, s, v));
    }
}
