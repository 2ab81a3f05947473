// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISequencerBond} from "../ISequencerBond.sol";
import {SequencerBond} from "../SequencerBond.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {vm} from "./Vm.sol";

/// @notice A deployed bond with one registered operator, and the small acts that the tests are made of.
abstract contract BondTest is ISequencerBond {
    bytes32 internal constant LOG = keccak256("log");
    uint256 internal constant KEY = 0xA11CE;
    uint256 internal constant STAKE = 10 ether;
    address internal constant OWNER = address(0x0A0000);
    address internal constant REPORTER = address(0x0B0000);
    Reveal internal UNPAID = Reveal(address(0), 0);

    SequencerBond internal bond;
    address internal operator;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        bond = new SequencerBond(parameters());
        operator = vm.addr(KEY);
        vm.deal(OWNER, 1000 ether);
        vm.deal(REPORTER, 1000 ether);
        register(LOG, KEY, OWNER, STAKE);
    }

    function parameters() internal pure returns (Parameters memory) {
        return Parameters({
            minimumStake: 1 ether,
            minimumChallengeBond: 0.01 ether,
            exitDelay: 21 days,
            evidenceWindow: 14 days,
            answerWindow: 7 days,
            forceInclusion: 1 days
        });
    }

    function register(bytes32 logId, uint256 key, address owner, uint256 stake) internal {
        bytes memory possession = possess(logId, key, owner);
        vm.prank(owner);
        bond.register{value: stake}(logId, vm.addr(key), possession);
    }

    function possess(bytes32 logId, uint256 key, address owner) internal view returns (bytes memory) {
        return signature(key, bond.possessionDigest(logId, vm.addr(key), owner));
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function head(uint64 size, bytes32 root) internal view returns (SignedCheckpoint memory) {
        return signedBy(KEY, size, root);
    }

    function signedBy(uint256 key, uint64 size, bytes32 root) internal view returns (SignedCheckpoint memory) {
        return SignedCheckpoint(size, root, signature(key, bond.digest(LOG, size, root)));
    }

    function headOf(bytes32[] memory leaves, uint64 size) internal view returns (SignedCheckpoint memory) {
        return head(size, ReferenceTree.root(leaves, size));
    }

    function between(uint256 value, uint256 low, uint256 high) internal pure returns (uint64) {
        return uint64(low + value % (high - low + 1));
    }

    function expectStatus(Status expected) internal view {
        require(bond.status(LOG, operator) == expected, "status");
    }

    function slashed() internal view returns (bool) {
        return bond.status(LOG, operator) == Status.Slashed;
    }
}
