// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BondRegistry} from "./BondRegistry.sol";
import {MerkleLog} from "./MerkleLog.sol";

/**
 * @title Evidence that is complete in one call, and the reporter's reward
 * @notice Anyone may slash. Two statements of signers under one bond that cannot both be true cost all of it, once:
 * what decides is the state of the bond, never which evidence came. These functions call no stranger.
 */
abstract contract BondSlashing is BondRegistry {
    /// @notice Part of the stake that a reporter who committed gets; the rest burns, so self-denunciation costs 95 %.
    uint256 public constant REWARD_PERCENT = 5;

    /// @notice Seconds between a commitment and its reveal: longer than a seen transaction waits for its block.
    uint64 public constant COMMIT_DELAY = 60;

    /// @notice Chain time of each commitment.
    mapping(bytes32 commitment => uint64 time) public committedAt;

    /**
     * @notice Claims evidence without showing it. Needed for the reward only: unpaid slashing needs no commitment.
     * @param commitment See `commitmentOf`. It names its reporter, so a copied one is worth nothing.
     */
    function commit(bytes32 commitment) external {
        if (committedAt[commitment] != 0) revert AlreadyCommitted(commitment);
        committedAt[commitment] = uint64(block.timestamp);
        emit Committed(commitment);
    }

    /// @notice Two signed checkpoints with the same size and different roots.
    function slashSameSize(
        bytes32 logId,
        SignedCheckpoint calldata a,
        SignedCheckpoint calldata b,
        Reveal calldata reveal
    ) external {
        if (a.size != b.size) revert SizesDiffer(a.size, b.size);
        if (a.root == b.root) revert RootsEqual();
        _slashBoth(logId, a, b, Evidence.SameSize, reveal);
    }

    /// @notice One index with two different leaf hashes, each included under a signed checkpoint of any size.
    function slashLeafConflict(
        bytes32 logId,
        uint64 index,
        SignedCheckpoint calldata a,
        Leaf calldata leafA,
        SignedCheckpoint calldata b,
        Leaf calldata leafB,
        Reveal calldata reveal
    ) external {
        if (leafA.leafHash == leafB.leafHash) revert LeavesEqual();
        _requireRoot(a.root, MerkleLog.rootFromInclusion(leafA.leafHash, index, a.size, leafA.path));
        _requireRoot(b.root, MerkleLog.rootFromInclusion(leafB.leafHash, index, b.size, leafB.path));
        _slashBoth(logId, a, b, Evidence.LeafConflict, reveal);
    }

    /**
     * @notice Two signed checkpoints of which the larger tree does not extend the smaller: nodes of the larger tree
     * alone give its own root, and another old root than the signed one.
     */
    function slashInconsistent(
        bytes32 logId,
        SignedCheckpoint calldata older,
        SignedCheckpoint calldata newer,
        bytes32 seed,
        bytes32[] calldata path,
        Reveal calldata reveal
    ) external {
        (bytes32 oldRoot, bytes32 newRoot) = MerkleLog.rootsFromConsistency(older.size, newer.size, seed, path);
        _requireRoot(newer.root, newRoot);
        if (oldRoot == older.root) revert Consistent();
        _slashBoth(logId, older, newer, Evidence.Inconsistent, reveal);
    }

    /**
     * @notice What to `commit`. The order of the two digests does not matter, nor does the kind of evidence.
     * @param digestA `digest` of one checkpoint of the evidence, `digestB` of the other.
     */
    function commitmentOf(bytes32 digestA, bytes32 digestB, address reporter, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        (bytes32 low, bytes32 high) = digestA < digestB ? (digestA, digestB) : (digestB, digestA);
        return keccak256(abi.encode(low, high, reporter, salt));
    }

    function _requireRoot(bytes32 expected, bytes32 computed) internal pure {
        if (expected != computed) revert RootMismatch(expected, computed);
    }

    /// @dev The bond under which both heads were signed.
    function _bondOfBoth(bytes32 logId, SignedCheckpoint calldata a, SignedCheckpoint calldata b)
        internal
        view
        returns (address operator, Bond storage bond, bytes32 digestA, bytes32 digestB)
    {
        address signer;
        address operatorA;
        (signer, digestA) = _signerOf(logId, a);
        (operatorA,) = _bondUnder(logId, signer);
        (signer, digestB) = _signerOf(logId, b);
        (operator, bond) = _bondUnder(logId, signer);
        if (operatorA != operator) revert DifferentBonds(operatorA, operator);
        _requireLive(bond);
    }

    /// @dev The money: once per bond, to nobody but the reporter and the fire.
    function _slash(
        bytes32 logId,
        address operator,
        Bond storage bond,
        Evidence kind,
        address reporter,
        uint256 rewardPercent
    ) internal {
        uint256 stake = bond.stake;
        uint256 reward = (stake * rewardPercent) / 100;
        bond.status = Status.Slashed;
        bond.stake = uint128(stake - reward);
        if (reward != 0) owed[reporter] += reward;
        emit Slashed(logId, operator, kind, reporter, reward, stake - reward);
    }

    function _slashBoth(
        bytes32 logId,
        SignedCheckpoint calldata a,
        SignedCheckpoint calldata b,
        Evidence kind,
        Reveal calldata reveal
    ) private {
        (address operator, Bond storage bond, bytes32 digestA, bytes32 digestB) = _bondOfBoth(logId, a, b);
        uint256 rewardPercent = 0;
        if (reveal.reporter != address(0)) {
            bytes32 commitment = commitmentOf(digestA, digestB, reveal.reporter, reveal.salt);
            uint64 time = committedAt[commitment];
            if (time == 0) revert NotCommitted(commitment);
            if (block.timestamp < time + COMMIT_DELAY) revert TooEarly(time + COMMIT_DELAY);
            rewardPercent = REWARD_PERCENT;
        }
        _slash(logId, operator, bond, kind, reveal.reporter, rewardPercent);
    }
}
